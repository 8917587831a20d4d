"""Pictures that are made to excite a unit: what they are made of, the ascent, what they prove."""
