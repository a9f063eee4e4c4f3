// What a reader has opened stays open when a live update replaces the rows around it.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
  !(name === "open" && node.tagName === "DETAILS");

// A fresh form key must not replace the one a half-written form began with.
Idiomorph.defaults.callbacks.beforeNodeMorphed = (node) =>
  !(node.tagName === "FORM" && node.contains(document.activeElement));

// An ended login shows itself: the next page is the login, not a fragment of it.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.responseURL.includes("/login")) {
    event.detail.shouldSwap = false;
    location.reload();
  }
});
