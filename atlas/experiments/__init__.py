"""What experiments measure: functions of a network and images, one module for each experiment."""
