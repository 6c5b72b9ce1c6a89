// Keeps people from losing work or showing it: warns before their session ends,
// renews it, lets them log in again in a window of its own, and shows nothing to
// whoever comes after a log-out. For apps behind the login gateway:
//   <script src="/gateway/session.js" defer></script>
(function () {
  "use strict";
  var script = document.currentScript;
  if (!script || window.gatewaySession) return;
  var prefix = new URL(script.src, location.href).pathname.replace(/\/session\.js$/, "");
  var warnAt = Number(script.dataset.warn) || 300; // seconds before the end
  var texts = {
    nl: {
      warn: ["Je wordt zo uitgelogd", "Je hebt een tijd niets gedaan. Over {n} word je uitgelogd.", "Blijf ingelogd"],
      last: ["Je moet zo opnieuw inloggen", "Over {n} is deze sessie voorbij. Sla op wat je doet.", "Oké"],
      over: ["Je bent uitgelogd", "Wat je invulde staat er nog. Log in, dan ga je verder waar je was.", "Log in"],
      minutes: ["1 minuut", "{n} minuten"]
    },
    en: {
      warn: ["You are about to be logged out", "You have not done anything for a while. You will be logged out in {n}.", "Stay logged in"],
      last: ["You have to log in again soon", "This session is over in {n}. Save what you are doing.", "OK"],
      over: ["You are logged out", "What you filled in is still there. Log in to go on where you were.", "Log in"],
      minutes: ["1 minute", "{n} minutes"]
    }
  };
  var words = texts[document.documentElement.lang.slice(0, 2).toLowerCase()] || texts.en;
  var timer, user, out, shown, dismissed, waiting = [];
  var dialog, heading, text, button;

  function tell(name, detail) {
    return document.dispatchEvent(new CustomEvent("gateway:" + name, {detail: detail, cancelable: true}));
  }

  function build() {
    dialog = document.createElement("dialog");
    dialog.setAttribute("role", "alertdialog");
    dialog.setAttribute("aria-labelledby", "gateway-session-title");
    dialog.setAttribute("aria-describedby", "gateway-session-text");
    dialog.className = "gateway-session";
    heading = document.createElement("h2");
    heading.id = "gateway-session-title";
    text = document.createElement("p");
    text.id = "gateway-session-text";
    text.setAttribute("aria-live", "polite");
    button = document.createElement("button");
    button.type = "button";
    button.style.minHeight = button.style.minWidth = "44px";
    button.style.font = "inherit";
    button.addEventListener("click", press);
    dialog.append(heading, text, button);
    dialog.style.maxWidth = "26rem";
    dialog.addEventListener("cancel", function (event) {
      if (shown === "over") event.preventDefault();
      else dismissed = true;
    });
    dialog.addEventListener("close", function () {
      if (shown === "over") dialog.showModal(); // some browsers close it at the second Esc
      else shown = "";
    });
    document.body.append(dialog);
  }

  function show(what, left) {
    var minutes = Math.max(1, Math.ceil(left / 60));
    if (!dialog) build();
    heading.textContent = words[what][0];
    text.textContent = words[what][1].replace("{n}", words.minutes[minutes === 1 ? 0 : 1].replace("{n}", minutes));
    button.textContent = words[what][2];
    shown = what;
    veil(what === "over");
    if (!dialog.open) dialog.showModal();
  }

  function hide() {
    shown = "";
    if (dialog && dialog.open) dialog.close();
    veil(false);
  }

  // veil covers what the page shows. What was filled in stays.
  function veil(on) {
    document.documentElement.style.visibility = on ? "hidden" : "";
    if (dialog) dialog.style.visibility = "visible";
  }

  function press() {
    if (shown === "warn") {
      ask("POST");
    } else if (shown === "last") {
      dismissed = true;
      dialog.close();
    } else {
      var done = prefix + "/session/in";
      window.open(prefix + "/login?to=" + encodeURIComponent(done), "gateway-login", "popup,width=520,height=760");
    }
  }

  // ask finds out how long the session lasts. Only a POST prolongs it.
  function ask(method) {
    clearTimeout(timer);
    return fetch(prefix + "/session", {method: method || "GET", credentials: "same-origin", cache: "no-store"})
      .then(function (answer) {
        if (answer.status === 200) return answer.json().then(inside);
        if (answer.status === 401) return outside();
        throw new Error("status " + answer.status);
      })
      .catch(function (problem) {
        timer = setTimeout(quietly, 30000); // nobody knows: neither in nor out
        throw problem;
      });
  }

  function inside(session) {
    // Somebody else now: neither what is shown nor what waits is theirs.
    if (user ? session.user !== user : waiting.length) return location.reload();
    user = session.user;
    out = false;
    var left = session.idle_seconds || 0;
    if (left > warnAt) {
      dismissed = false;
      hide();
    } else if (!dismissed && tell("warn", session)) {
      show((session.absolute_seconds || 0) <= left + 1 ? "last" : "warn", left);
    } else if (shown === "over") {
      hide();
    }
    timer = setTimeout(quietly, 1000 * Math.max(1, left > warnAt ? Math.min(left - warnAt, 86400) : Math.min(left % 60 + 1, left + 1)));
    waiting.splice(0).forEach(function (go) { go(); });
    tell("in", session);
  }

  function outside() {
    out = true;
    timer = setTimeout(quietly, 60000);
    if (shown !== "over" && tell("over")) show("over", 0);
  }

  function quietly() { ask().catch(function () {}); }

  // A page that comes out of the Back button's memory may be somebody's who has
  // logged out since: it is covered when it goes there, and looked at first.
  window.addEventListener("pagehide", function () { veil(true); });
  window.addEventListener("pageshow", function (event) {
    if (!event.persisted) return;
    veil(true);
    ask().then(function () {
      if (out) location.reload();
      else veil(false);
    }, function () { location.reload(); });
  });
  document.addEventListener("visibilitychange", function () {
    if (document.visibilityState === "visible") quietly();
  });
  if (window.BroadcastChannel) new BroadcastChannel("gateway-session").onmessage = quietly;

  window.gatewaySession = {
    // fetch is fetch, except that a request which came too late waits until its
    // sender is logged in again, and is then sent once more.
    fetch: function (input, init) {
      var request = new Request(input, init);
      return fetch(request.clone()).then(function (answer) {
        if (answer.status !== 401 || !answer.headers.get("X-Login-Gateway")) return answer;
        outside();
        return new Promise(function (go) { waiting.push(go); }).then(function () { return fetch(request); });
      });
    },
    // check asks now; renew prolongs.
    check: function () { return ask(); },
    renew: function () { return ask("POST"); }
  };
  quietly();
})();
