// What a reader has opened stays open when a live update replaces the rows around it.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
  !(name === "open" && node.tagName === "DETAILS");

// A login that has ended shows itself: the whole page is asked for again and leads to the login.
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) location.reload();
});

// A page that does not hear of changes any more must say so: it looks the same otherwise.
const say = (isStale) => {
  for (const line of document.querySelectorAll(".stale")) line.hidden = !isStale;
};
document.addEventListener("htmx:sseError", () => say(true));
document.addEventListener("htmx:sseOpen", () => say(false));
