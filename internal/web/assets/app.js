// The pages work without this; it makes them live and gives them keys. What it puts onto
// a page comes from the server's own templates, which escape whatever is not theirs.
"use strict";
(() => {
  const most = 500; // rows that a page keeps
  const $ = (s, from = document) => from.querySelector(s);
  const all = (s, from = document) => [...from.querySelectorAll(s)];
  const status = $("#status");
  const say = (text) => { status.textContent = text; };
  const rows = () => all("#rows tr");
  const typing = (e) => e.target.closest("input, select, textarea, dialog[open]");
  let current = 0; // the row that Tab comes to

  // --- parts of the page, fetched anew
  const part = async (name, address = location.href) => {
    const r = await fetch(address, { headers: { "Payctl-Part": name }, credentials: "same-origin" });
    if (r.status === 401) { say("this browser is no longer let in: start payctl ui again"); throw new Error("401"); }
    if (!r.ok) throw new Error(String(r.status));
    return r.text();
  };
  const parsed = (html) => { const t = document.createElement("template"); t.innerHTML = html; return t.content; };

  // What somebody is typing or has opened stays while the part around it changes.
  const keep = (box, change) => {
    const at = document.activeElement, id = at && box.contains(at) ? at.id : "";
    const asServed = (i) => i.tagName === "SELECT" ? ($("option[selected]", i) ?? i.options[0])?.value : i.defaultValue;
    const values = new Map(all("input[id], select[id]", box).filter((i) => i.value !== asServed(i)).map((i) => [i.id, i.value]));
    const open = new Set(all("details[open] > summary", box).map((s) => s.textContent));
    change();
    for (const [name, value] of values) { const i = document.getElementById(name); if (i) i.value = value; }
    for (const s of all("details > summary", box)) if (open.has(s.textContent)) s.parentElement.open = true;
    if (id) document.getElementById(id)?.focus();
  };

  const refreshRows = async () => {
    const list = $("#rows");
    const address = new URL(location.href);
    if (address.pathname.startsWith("/deliveries/")) address.pathname = "/";
    for (const name of ["cursor", "body", "sent"]) address.searchParams.delete(name);
    const fresh = parsed("<table><tbody>" + await part("rows", address) + "</tbody></table>").querySelectorAll("tr");
    const known = new Map(rows().map((r) => [r.id, r]));
    const oldest = fresh.length ? fresh[fresh.length - 1].dataset.at : "";
    const focused = document.activeElement.closest?.("#rows tr")?.id;
    const selected = $("#rows tr[aria-selected=true]")?.id;
    const names = new Set([...fresh].map((r) => r.id));
    const rest = rows().filter((r) => !names.has(r.id) && fresh.length && r.dataset.at < oldest);
    let added = 0;
    for (const r of fresh) {
      if (known.size && !known.has(r.id)) { r.classList.add("fresh"); added++; }
      if (r.id === selected) r.setAttribute("aria-selected", "true");
    }
    list.replaceChildren(...[...fresh, ...rest].slice(0, most));
    const none = rows().length === 0;
    $("#list").hidden = none;
    if ($("#empty")) $("#empty").hidden = !none;
    rove(focused ? rows().findIndex((r) => r.id === focused) : current, Boolean(focused));
    if (added) say(added === 1 ? "1 new row" : added + " new rows");
  };
  const refreshPart = async () => {
    const box = $("#part");
    const html = await part(box.dataset.part);
    keep(box, () => box.replaceChildren(parsed(html)));
  };

  let running = false, again = false;
  const refresh = async (kind) => {
    const live = $("[data-live=" + kind + "]");
    if (!live || new URL(location.href).searchParams.has("cursor")) return;
    if (document.hidden || running) { again = kind; return; }
    running = true;
    try { await (live.id === "list" ? refreshRows() : refreshPart()); } catch { /* the next change tries again */ }
    running = false;
    if (again && !document.hidden) { const k = again; again = false; setTimeout(() => refresh(k), 50); }
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && again) { const k = again; again = false; refresh(k); } });

  // --- one stream for all tabs: whoever holds the lock listens and passes on
  const channel = new BroadcastChannel("payctl");
  let last = "", alive = 0;
  const isLive = (yes) => {
    const at = $("#live");
    if (!at || at.dataset.live === String(yes)) return;
    at.dataset.live = String(yes);
    at.className = yes ? "good" : "bad";
    at.innerHTML = yes ? '<span aria-hidden="true">✓</span> live' : '<span aria-hidden="true">✗</span> disconnected';
    if (!yes) say("disconnected: payctl ui does not answer");
  };
  const heard = async (m) => {
    if (m.id) last = m.id;
    alive = Date.now();
    isLive(m.kind !== "down");
    if (m.kind === "change" || m.kind === "phone") refresh(m.kind);
    if (m.kind === "strip") {
      try { const html = await part("strip", "/strip"); $("#strip").replaceChildren(parsed(html)); isLive(true); } catch { /* the next one */ }
    }
  };
  channel.onmessage = (e) => heard(e.data);
  const tell = (m) => { heard(m); channel.postMessage(m); };
  const listen = () => new Promise(() => {
    let back = false;
    const open = () => {
      const source = new EventSource("/events" + (last ? "?last=" + encodeURIComponent(last) : ""));
      for (const kind of ["hello", "change", "phone", "strip"]) {
        source.addEventListener(kind, (e) => {
          tell({ kind: kind === "hello" && back ? "change" : kind, id: e.lastEventId });
          back = false;
        });
      }
      source.onerror = () => {
        back = true;
        tell({ kind: "down" });
        if (source.readyState === EventSource.CLOSED) setTimeout(open, 2000);
      };
    };
    open();
    setInterval(() => channel.postMessage({ kind: back ? "down" : "beat" }), 2000);
  });
  navigator.locks.request("payctl-events", listen);
  channel.postMessage({ kind: "beat?" });

  // --- the detail at the right
  const show = async (address, push) => {
    if (!$("#detail")) { location.href = address; return; }
    let html;
    try { html = await part("detail", address); } catch { location.href = address; return; }
    $("#detail").replaceChildren(parsed(html));
    $(".two").classList.add("open");
    const id = new URL(address, location.href).pathname.split("/")[2];
    for (const r of rows()) r.setAttribute("aria-selected", String(r.id === id));
    if (push) history.pushState(null, "", address);
    say("delivery " + id);
    if (innerWidth < 1000) $("#detail-title")?.focus();
  };
  addEventListener("popstate", () => location.reload());

  // --- rows
  const rove = (i, focus) => {
    const list = rows();
    if (!list.length) return;
    current = Math.max(0, Math.min(i, list.length - 1));
    list.forEach((r, n) => { r.tabIndex = n === current ? 0 : -1; for (const a of all("a", r)) a.tabIndex = -1; });
    if (focus) { list[current].focus(); list[current].scrollIntoView({ block: "nearest" }); }
  };
  const open = (row) => document.body.dataset.page === "deliveries" ? show(row.dataset.href, true) : (location.href = row.dataset.href);
  const step = async (by) => {
    const list = rows();
    if (by > 0 && current === list.length - 1) await older();
    rove(document.activeElement.closest?.("#rows tr") ? current + by : current, true);
  };
  const older = async () => {
    const link = $("#older");
    if (!link || rows().length >= most) { if (link) location.href = link.href; return; }
    const doc = new DOMParser().parseFromString(await (await fetch(link.href)).text(), "text/html");
    $("#rows").append(...all("#rows tr", doc));
    $("#more").replaceChildren(...$("#more", doc).childNodes);
    rove(current, false);
  };

  const copy = async (text, what) => {
    try { await navigator.clipboard.writeText(text); say(what + " copied"); } catch { say("the browser did not let it be copied"); }
  };
  const fromNow = () => { const u = new URL(location.href); u.pathname = $("#list") && document.body.dataset.page === "deposits" ? "/deposits" : "/"; u.searchParams.delete("cursor"); u.searchParams.set("since", new Date().toISOString()); location.href = u; };
  const choose = (n) => { const a = all(".chips a")[n]; if (a && $("#list")) location.href = a.href; };

  document.addEventListener("click", (e) => {
    const row = e.target.closest("#rows tr"), link = e.target.closest("a"), button = e.target.closest("button");
    if (button?.dataset.copy !== undefined) copy(button.dataset.copy, "it is");
    if (button?.id === "copy-body") copy($("#body").textContent, "the body is");
    if (button?.dataset.digit !== undefined) { const pin = $("input[name=pin]", button.form); if (pin.value.length < 4) pin.value += button.dataset.digit; }
    if (e.ctrlKey || e.metaKey || e.shiftKey) return;
    if (link?.id === "from-now") { e.preventDefault(); fromNow(); }
    else if (link?.id === "older") { e.preventDefault(); older(); }
    else if (link && "detail" in link.dataset) { e.preventDefault(); show(link.href, true); }
    else if (row && (!link || link.closest("th"))) { e.preventDefault(); rove(rows().indexOf(row), true); open(row); }
  });

  const keys = {
    j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
    "]": () => { step(1).then(() => { if (rows().length) open(rows()[current]); }); },
    "[": () => { step(-1).then(() => { if (rows().length) open(rows()[current]); }); },
    "/": () => $("#filter")?.focus(),
    f: () => choose(document.body.dataset.page === "deposits" ? 3 : 2), u: () => choose(document.body.dataset.page === "deposits" ? 2 : 3), m: () => $("#list") && fromNow(),
    c: () => { const id = $("#detail [data-id], #part [data-id]")?.dataset.id ?? rows()[current]?.id; if (id) copy(id, id + " is"); },
    b: () => { if ($("#body")) copy($("#body").textContent, "the body is"); },
    r: () => { const f = $(".send"); if (f) f.requestSubmit(); else say("nothing here can be sent again from the page"); },
    "?": () => $("#help").showModal(),
  };
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape" && document.body.dataset.page === "phone") { $("[data-cancel]")?.click(); return; }
    if (e.key === "Escape" && e.target.id === "filter") { e.target.blur(); return; }
    if (e.ctrlKey || e.metaKey || e.altKey || typing(e)) return;
    if (document.body.dataset.page === "phone" && /^[0-9]$/.test(e.key)) { const pin = $("input[name=pin]"); if (pin) { pin.focus(); if (pin.value.length < 4) pin.value += e.key; e.preventDefault(); } return; }
    if (e.key === "Enter" && e.target.matches("#rows tr")) { e.preventDefault(); open(e.target); return; }
    const arrow = e.key.startsWith("Arrow");
    if (keys[e.key] && (!arrow || e.target.closest("#rows"))) { e.preventDefault(); keys[e.key](); }
  });

  // --- at the start
  setInterval(() => { for (const s of all("[data-left]")) s.textContent = s.dataset.left = Math.max(0, s.dataset.left - 1); }, 1000);
  const chosen = rows().findIndex((r) => r.getAttribute("aria-selected") === "true");
  rove(Math.max(chosen, 0), false);
  const fresh = $(".attempts .new");
  if (fresh) { fresh.focus(); say("sent again: " + fresh.innerText.replace(/\s+/g, " ").slice(0, 120)); }
  setInterval(() => { if (alive && Date.now() - alive > 7000) isLive(false); }, 1000);
})();
