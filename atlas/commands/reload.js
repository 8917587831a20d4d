// Stands on served pages alone: loads the page again once it was rendered again, and shows what went wrong.
(function () {
  "use strict";
  var version = document.currentScript.dataset.version, shown = null;
  function show(error) {
    if (!error && shown) { shown.remove(); shown = null; }
    if (!error || (shown && shown.textContent === error)) return;
    if (!shown) {
      shown = document.createElement("pre");
      shown.id = "serve-error";
      shown.setAttribute("role", "alert");
      Object.assign(shown.style, {  // as the policy of the pages allows
        position: "fixed", inset: "auto 0 0 0", zIndex: 99, margin: 0, padding: "1rem 1.25rem",
        maxHeight: "60vh", overflow: "auto", whiteSpace: "pre-wrap", overflowWrap: "anywhere",
        font: "0.95rem/1.5 ui-monospace, monospace", color: "#fff", background: "#8c1c13"
      });
      document.body.append(shown);
    }
    shown.textContent = error;
  }
  function ask() {
    fetch("/.reload", { cache: "no-store" }).then(function (answer) { return answer.json(); }).then(function (state) {
      if (state.version !== version) location.reload(); else show(state.error);
    }).catch(function () { /* the command has ended; it may come back */ }).then(function () { setTimeout(ask, 400); });
  }
  ask();
})();
