// Small comforts for the login page. Everything here is optional: without
// script the form posts just the same.
(function () {
  "use strict";
  var form = document.getElementById("login");
  var summary = document.getElementById("error");
  if (summary) {
    summary.focus();
    // This page answers a form: without this, Back and Reload ask whether to
    // send the wrong password once more.
    history.replaceState(null, "", location.href);
  }

  // The page of the second step may answer any login, that of a mailed link too:
  // Reload must neither ask to send a password once more nor open the link.
  var step = document.querySelector("[data-here]");
  if (step) history.replaceState(null, "", step.dataset.here + location.hash);

  // What was shown this once came of a form; a reload must not send it again.
  if (document.querySelector("[data-posted]")) history.replaceState(null, "", location.href);

  // A browser keeps the #fragment over a redirect only if the request had it.
  if (location.hash) {
    document.querySelectorAll("form[data-keep-hash]").forEach(function (f) {
      f.action += location.hash;
    });
    if (form && form.hasAttribute("action")) form.action += location.hash;
    document.querySelectorAll("a[data-keep-hash]").forEach(function (a) {
      if (a.origin === location.origin && !a.hash) a.hash = location.hash;
    });
  }

  var retry = document.querySelector("[data-retry-seconds]");
  if (retry) {
    setTimeout(function () {
      retry.textContent = retry.dataset.retryReady;
    }, Number(retry.dataset.retrySeconds) * 1000);
  }

  var copy = document.querySelector("[data-copy]");
  if (copy && navigator.clipboard) {
    var copied = document.getElementById("copied");
    copy.hidden = false;
    copy.addEventListener("click", function () {
      navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent).then(
        function () { copied.textContent = copy.dataset.copied; },
        function () { copied.textContent = copy.dataset.failed; }
      );
    });
  }

  // A password of one's own: to be seen, taken from the suggestion, and weighed.
  document.querySelectorAll("[data-show]").forEach(function (button) {
    var field = document.getElementById(button.dataset.show);
    function reveal(on) {
      field.type = on ? "text" : "password";
      button.setAttribute("aria-pressed", String(on));
    }
    button.hidden = false;
    button.addEventListener("click", function () { reveal(field.type === "password"); });
    field.form.addEventListener("submit", function () { reveal(false); });
  });
  document.querySelectorAll("[data-use]").forEach(function (button) {
    var into = document.getElementById(button.dataset.into);
    button.hidden = false;
    button.addEventListener("click", function () {
      into.value = document.getElementById(button.dataset.use).textContent;
      into.dispatchEvent(new Event("input"));
      into.focus();
    });
  });
  var strength = document.querySelector("[data-strength]");
  if (strength) {
    // Length, and how many characters differ: more cannot be said honestly without
    // the lists, which are asked when the form is sent.
    var weighed = document.getElementById(strength.dataset.strength);
    weighed.addEventListener("input", function () {
      var all = Array.from(weighed.value), differ = new Set(all).size, word = "strong";
      if (all.length < 8) word = "short";
      else if (all.length < 12 || differ < 6) word = "fair";
      else if (all.length < 16 || differ < 9) word = "good";
      strength.textContent = all.length ? strength.dataset[word] : "";
    });
  }

  // This page answers a form that only the browser has: loading it anew sends it.
  var reload = document.querySelector("[data-reload]");
  if (reload) {
    reload.hidden = false;
    reload.addEventListener("click", function () { location.reload(); });
  }

  // The window in which somebody logged in again tells the one with their work.
  if (document.querySelector("[data-signed-in]")) {
    if (window.BroadcastChannel) new BroadcastChannel("gateway-session").postMessage("in");
    window.close(); // where the browser lets it
  }

  var print = document.querySelector("[data-print]");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", function () { window.print(); });
  }

  // The address typed here goes along to the next form: over the storage of this
  // tab and not in the address of the page, which gets logged.
  var carried = "gateway.email";
  function storage(use) {
    try {
      return use(sessionStorage);
    } catch (e) {
      return null; // refused by the browser's settings
    }
  }
  var ask = document.getElementById("magic");
  if (ask) {
    var field = document.getElementById("email");
    var brought = storage(function (s) {
      var v = s.getItem(carried);
      s.removeItem(carried);
      return v;
    });
    if (brought && !field.value) field.value = brought;
  }

  // The tab that waits for its mail looks every few seconds whether somebody let
  // it in. What it finds is acted on by the same form that works without script.
  // Once a form is on its way the tab waits for that answer only: a code that was
  // right has used the mail up, and to leave then would be to lose the login.
  var waiting = document.getElementById("waiting");
  if (waiting) {
    var sent = false;
    document.addEventListener("submit", function () { sent = true; });
    window.addEventListener("pageshow", function (e) { // back by the button: it looks again
      if (!e.persisted || !sent) return;
      sent = false;
      look();
    });
    var look = function () {
      if (sent) return;
      fetch(waiting.dataset.state, {credentials: "same-origin", cache: "no-store"})
        .then(function (answer) { return answer.json(); })
        .then(function (found) {
          if (sent) return;
          if (found.state === "approved") {
            waiting.submit();
          } else if (found.state === "over") {
            var to = new URL(location.href);
            to.searchParams.set("over", "1"); // another address, or nothing is loaded
            location.replace(to.href);
          } else {
            setTimeout(look, 4000);
          }
        })
        .catch(function () { setTimeout(look, 8000); });
    };
    setTimeout(look, 4000);
  }

  // What the help page can see of this browser only from here.
  function tell(id, good, n) {
    var line = document.getElementById(id);
    if (!line) return;
    line.textContent = (good ? line.dataset.ok : line.dataset.bad).replace("%", n);
    line.dataset.state = good ? "ok" : "bad";
  }
  var clock = document.getElementById("check-clock");
  if (clock) {
    var off = Math.abs(Date.now() - Number(clock.dataset.now));
    tell("check-clock", off < 90000, Math.round(off / 60000)); // the way here takes its time, too
    tell("check-script", true);
    tell("check-passkeys", Boolean(window.PublicKeyCredential));
  }
  if (!form) return;

  document.querySelectorAll("a[data-carry]").forEach(function (a) {
    a.addEventListener("click", function () {
      var typed = document.getElementById("email").value;
      if (typed.indexOf("@") > 0) storage(function (s) { s.setItem(carried, typed); });
    });
  });

  var password = document.getElementById("password");
  var show = document.getElementById("show");
  var status = document.getElementById("caps");
  function reveal(on) {
    password.type = on ? "text" : "password";
    show.setAttribute("aria-pressed", String(on));
  }
  show.hidden = false;
  show.addEventListener("click", function () {
    var on = password.type === "password";
    reveal(on);
    status.className = "hint unseen";
    status.textContent = on ? status.dataset.shown : status.dataset.hidden;
  });

  var caps = false;
  function lookAtCaps(event) {
    if (!event.getModifierState) return;
    var on = event.getModifierState("CapsLock");
    if (on === caps) return;
    caps = on;
    status.className = "hint";
    status.textContent = on ? status.dataset.caps : "";
  }
  password.addEventListener("keydown", lookAtCaps);
  password.addEventListener("keyup", lookAtCaps);

  // Two clicks are one attempt. The guard lifts by itself, so that a lost
  // answer or the Back button never leaves a dead form behind.
  var submit = document.getElementById("submit");
  var label = submit.textContent;
  var sent = false;
  function ready() {
    sent = false;
    submit.removeAttribute("aria-disabled");
    submit.textContent = label;
  }
  form.addEventListener("submit", function (event) {
    // A button of a provider sends the same form elsewhere.
    if (event.submitter && event.submitter.hasAttribute("formaction")) {
      reveal(false);
      return;
    }
    if (sent) {
      event.preventDefault();
      return;
    }
    sent = true;
    reveal(false); // browsers remember what was in a text field
    submit.setAttribute("aria-disabled", "true");
    submit.textContent = form.dataset.busy;
    setTimeout(ready, 10000);
  });
  window.addEventListener("pageshow", ready);
})();
