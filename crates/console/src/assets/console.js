// What pages do in a browser: send their forms with the mark that changes need, hear of changes and put in what is new,
// take photos that are dropped, copy commands, and show times in the reader's own zone.
"use strict";

const mark = { "x-darkroom-console": "1" };
const said = document.getElementById("said");

function say(text, isBad) {
  said.textContent = text;
  said.className = isBad ? "bad" : "";
  said.setAttribute("role", isBad ? "alert" : "status");
}

// Sends something that changes something. Answers where to go next; says why not.
async function send(url, body, type) {
  const headers = type ? { ...mark, "content-type": type } : mark;
  const response = await fetch(url, { method: "POST", headers, body });
  const text = await response.text();
  if (response.ok) return JSON.parse(text).location;
  const page = new DOMParser().parseFromString(text, "text/html");
  const notice = page.querySelector("[role=alert]");
  throw new Error(notice ? notice.textContent : text);
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-action]")) return;
  event.preventDefault();
  const button = event.submitter;
  if (button && button.dataset.question && !window.confirm(button.dataset.question)) return;
  if (button) button.disabled = true;
  try {
    const next = await send(form.action, new URLSearchParams(new FormData(form)));
    if (new URL(next, location.href).href === location.href.split("#")[0]) await refresh();
    else location.assign(next);
  } catch (error) {
    say(error.message, true);
  } finally {
    if (button) button.disabled = false;
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.parentElement.querySelector("pre").textContent;
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    say("The browser does not let this page copy: select the text", true);
  }
});

// Times as the server writes them are in UTC.
function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const clock = at.toLocaleTimeString([], { hour12: false }) + "." + String(at.getMilliseconds()).padStart(3, "0");
    time.textContent = "clock" in time.dataset ? clock : at.toLocaleString();
  }
}

// The parts of a page that may change, by name, with what the server last sent.
const sent = new Map();
for (const part of document.querySelectorAll("[data-part]")) sent.set(part.dataset.part, part.innerHTML);
localTimes(document);

const reachable = "a, button, input, select, textarea, summary, [tabindex]";

function replace(part, html) {
  const open = [...part.querySelectorAll("details")].map((it) => it.open);
  const focused = [...part.querySelectorAll(reachable)].indexOf(document.activeElement);
  part.innerHTML = html;
  part.querySelectorAll("details").forEach((it, place) => { it.open = open[place] ?? it.open; });
  if (focused >= 0) {
    const again = part.querySelectorAll(reachable)[focused];
    if (again) again.focus({ preventScroll: true });
  }
  localTimes(part);
}

let isBusy = false;
let isStale = false;

// Fetches the page again and puts in the parts that are different.
async function refresh() {
  if (isBusy) { isStale = true; return; }
  isBusy = true;
  try {
    const response = await fetch(location.href);
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
      const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
      if (fresh && fresh.innerHTML !== sent.get(part.dataset.part)) {
        sent.set(part.dataset.part, fresh.innerHTML);
        replace(part, fresh.innerHTML);
      }
    }
  } catch {
    // The server has gone: the stream tells when it is back.
  } finally {
    isBusy = false;
    if (isStale) { isStale = false; refresh(); }
  }
}

let stream = null;

// A browser keeps few connections to a server: a page that nobody sees gives its own back.
function listen() {
  const url = document.body.dataset.live;
  if (!url) return;
  if (document.hidden) {
    if (stream) stream.close();
    stream = null;
  } else if (!stream) {
    stream = new EventSource(url);
    // Something may have happened since the page was made.
    stream.onopen = refresh;
    stream.onmessage = refresh;
  }
}
document.addEventListener("visibilitychange", listen);
listen();

// What runs grows, though nothing happens.
setInterval(() => {
  if (!document.hidden && document.querySelector("[data-part=timeline] .is-running")) refresh();
}, 2000);

const drop = document.querySelector("[data-drop]");

async function upload(files) {
  const list = document.getElementById("uploads");
  for (const file of files) {
    const line = document.createElement("li");
    line.textContent = `${file.name}: sending`;
    list.append(line);
    try {
      const url = `${drop.dataset.drop}?name=${encodeURIComponent(file.name)}`;
      const execution = await send(url, file, "application/octet-stream");
      const link = document.createElement("a");
      link.href = execution;
      link.textContent = "its execution";
      line.replaceChildren(`${file.name}: taken in, `, link);
    } catch (error) {
      line.textContent = `${file.name}: ${error.message}`;
      line.className = "bad";
    }
  }
}

if (drop) {
  const input = drop.querySelector("input[type=file]");
  input.addEventListener("change", () => { upload(input.files); });
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    upload(event.dataTransfer.files);
  });
}
