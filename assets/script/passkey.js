// Passkeys. What is asked comes from the gateway, what the device answers goes back
// in an ordinary form, so whatever is wrong with it is said by a page. Without this
// script, or in a browser that has no passkeys, the buttons for them stay hidden and
// every other way works.
(function () {
  "use strict";
  if (!window.PublicKeyCredential || !navigator.credentials || !window.fetch || !window.AbortController) {
    document.querySelectorAll("[data-passkey-cannot]").forEach(function (e) { e.hidden = false; });
    return;
  }

  // Between browsers and JSON stand bytes, as base64url.
  function bytes(text) {
    var raw = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(raw, function (c) { return c.charCodeAt(0); });
  }
  function text(buffer) {
    var raw = "";
    new Uint8Array(buffer).forEach(function (b) { raw += String.fromCharCode(b); });
    return btoa(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function described(list) {
    return (list || []).map(function (c) { return Object.assign({}, c, {id: bytes(c.id)}); });
  }
  function readable(options) {
    var o = Object.assign({}, options, {challenge: bytes(options.challenge)});
    if (o.user) o.user = Object.assign({}, o.user, {id: bytes(o.user.id)});
    if (o.allowCredentials) o.allowCredentials = described(o.allowCredentials);
    if (o.excludeCredentials) o.excludeCredentials = described(o.excludeCredentials);
    return o;
  }
  function writable(made) {
    var r = made.response;
    var response = {clientDataJSON: text(r.clientDataJSON)};
    if (r.attestationObject) {
      response.attestationObject = text(r.attestationObject);
      response.transports = r.getTransports ? r.getTransports() : [];
    } else {
      response.authenticatorData = text(r.authenticatorData);
      response.signature = text(r.signature);
      if (r.userHandle) response.userHandle = text(r.userHandle);
    }
    var said = made.getClientExtensionResults();
    return JSON.stringify({
      id: made.id, rawId: text(made.rawId), type: made.type, response: response,
      clientExtensionResults: said.credProps ? {credProps: said.credProps} : {},
      authenticatorAttachment: made.authenticatorAttachment || undefined
    });
  }

  // asked is a promise of the options: in the page, or fetched so that they are fresh.
  function asked(box, signal) {
    if (box.dataset.passkeyOptions) return Promise.resolve(JSON.parse(box.dataset.passkeyOptions));
    return fetch(box.dataset.passkeyAsk, {credentials: "same-origin", cache: "no-store", signal: signal}).then(function (answer) {
      if (answer.ok) return answer.json();
      throw new DOMException("", answer.status === 404 ? "SecurityError" : "NetworkError");
    });
  }

  // One question at a time: a browser refuses a second, and two would fight.
  var current = null;
  function stop() {
    if (current) current.abort();
    current = null;
  }
  function begin(box, mediation) {
    stop();
    var mine = current = new AbortController();
    return asked(box, mine.signal).then(function (options) {
      var o = {publicKey: readable(options), signal: mine.signal};
      if (options.user) return navigator.credentials.create(o);
      if (mediation) o.mediation = mediation;
      return navigator.credentials.get(o);
    }).then(function (made) {
      if (mine.signal.aborted || !made) throw new DOMException("", "AbortError");
      return writable(made);
    }).finally(function () {
      if (current === mine) current = null;
    });
  }

  // What browsers call an error, and the words for it.
  var words = {
    NotAllowedError: "cancelled", SecurityError: "notHere", InvalidStateError: "exists", NotSupportedError: "unsupported",
    ConstraintError: "unsupported", NetworkError: "away", TypeError: "away"
  };

  function send(box, answer) {
    var field = box.querySelector("[name$=passkey]");
    var remember = box.querySelector("[name=remember]");
    var ticked = document.getElementById("remember");
    if (remember && ticked) remember.value = ticked.checked ? "1" : "";
    field.value = answer;
    field.form.submit();
  }

  function ready(box) {
    var button = box.querySelector("[data-passkey-button]");
    var status = box.querySelector("[role=status]");
    var busy = false;
    box.hidden = false;
    button.addEventListener("click", function (event) {
      event.preventDefault();
      if (busy) return;
      busy = true;
      button.setAttribute("aria-disabled", "true");
      status.textContent = box.dataset.busy;
      begin(box).then(function (answer) {
        status.textContent = box.dataset.sending;
        send(box, answer);
      }, function (err) {
        status.textContent = err.name === "AbortError" ? "" : box.dataset[words[err.name] || "failed"];
        status.dataset.error = err.name;
        autofill(box);
      }).finally(function () {
        busy = false;
        button.removeAttribute("aria-disabled");
      });
    });
    autofill(box);
  }

  // The list under the address field. It waits until somebody picks from it, which
  // may take longer than a question is good for: then it is asked anew.
  var renew = 4 * 60 * 1000;
  var tries = 0;
  var waiting = 0;
  function autofill(box) {
    if (box.dataset.passkey !== "login" || !PublicKeyCredential.isConditionalMediationAvailable) return;
    clearTimeout(waiting);
    PublicKeyCredential.isConditionalMediationAvailable().then(function (can) {
      if (!can || current || document.hidden) return;
      waiting = setTimeout(function () {
        stop();
        autofill(box);
      }, renew);
      begin(box, "conditional").then(function (answer) {
        send(box, answer);
      }, function (err) {
        // Aborted by the button or the clock; or closed by the person, who may come back.
        if (err.name === "NotAllowedError" && tries++ < 5) setTimeout(function () { autofill(box); }, 1000);
      });
    });
  }

  document.querySelectorAll("[data-passkey]").forEach(ready);
  var login = document.querySelector("[data-passkey=login]");
  if (login) {
    document.addEventListener("visibilitychange", function () {
      if (!document.hidden) autofill(login);
    });
    window.addEventListener("pagehide", stop);
    window.addEventListener("pageshow", function (event) {
      if (event.persisted) autofill(login);
    });
  }
})();
