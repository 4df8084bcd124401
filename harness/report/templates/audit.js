// Filters the results by verdict, severity and text, and folds raw frames. Without it everything is there, unfolded.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("filter-form");
  const status = document.getElementById("filter-status");
  const results = [...document.querySelectorAll(".result")].map((element) => {
    const owner = element.closest(".check");
    const about = owner ? [owner.querySelector("h3"), owner.querySelector(".about")] : [];
    const parts = [...about, ...element.children].filter((part) => !part.classList.contains("command"));
    return { element, text: parts.map((part) => part.textContent).join(" ").toLowerCase() };
  });
  const holders = [...document.querySelectorAll(".check, .group")].filter((holder) => holder.querySelector(".result"));

  function apply() {
    const verdict = form.elements.verdict.value;
    const severity = form.elements.severity.value;
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { element, text } of results) {
      const isWanted = (!verdict || element.dataset.verdict === verdict)
        && (!severity || element.dataset.severity === severity)
        && words.every((word) => text.includes(word));
      element.hidden = !isWanted;
      count += isWanted;
    }
    for (const holder of holders) {
      holder.hidden = !holder.querySelector(".result:not([hidden])");
    }
    const isFiltered = Boolean(verdict || severity || words.length);
    for (const holder of holders) {
      if (!holder.hidden && holder.matches("details.group") && isFiltered) holder.open = true;
      if (!holder.hidden && holder.matches("details.check") && words.length) holder.open = true;
    }
    document.body.classList.toggle("filtered", isFiltered);
    status.textContent = isFiltered
      ? `${count} of ${results.length} results match.`
      : `All ${results.length} results are shown.`;
    return isFiltered;
  }

  function remember() {
    const isFiltered = apply();
    const state = new URLSearchParams(new FormData(form));
    for (const [name, value] of [...state]) {
      if (!value) state.delete(name);
    }
    history.replaceState(null, "", isFiltered ? `#filter:${state}` : location.href.split("#")[0]);
  }

  function restore() {
    if (!location.hash.startsWith("#filter:")) return;
    const state = new URLSearchParams(location.hash.slice("#filter:".length));
    for (const name of ["verdict", "severity", "text"]) {
      form.elements[name].value = state.get(name) ?? "";
    }
    apply();
    form.scrollIntoView();
  }

  function showTarget() {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    for (let folded; (folded = target && target.closest("details:not([open])")); ) {
      folded.open = true;
      target.scrollIntoView();
    }
    if (target && target.closest("[hidden]")) {
      form.reset();
      apply();
      target.scrollIntoView();
    }
  }

  for (const details of document.querySelectorAll(".sequence details")) details.open = false;
  for (const count of document.querySelectorAll("[data-filter]")) count.href = `#filter:${count.dataset.filter}`;
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", remember);
  form.elements.fold.addEventListener("click", (event) => {
    const isOpening = event.target.textContent === "Open all";
    for (const details of document.querySelectorAll("details.check, details.group")) details.open = isOpening;
    event.target.textContent = isOpening ? "Close all" : "Open all";
  });
  form.addEventListener("reset", () => setTimeout(remember));
  window.addEventListener("hashchange", () => { restore(); showTarget(); });
  window.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details:not([open], .rest)")) {
      details.open = true;
      details.dataset.opened = "";
    }
  });
  window.addEventListener("afterprint", () => {
    for (const details of document.querySelectorAll("details[data-opened]")) {
      details.open = false;
      delete details.dataset.opened;
    }
  });
  apply();
  restore();
  showTarget();
});
