// Light or dark before the first paint, hence a classic script in the head: the system's choice, or the visitor's.
(() => {
  "use strict";
  const KEY = "theme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function stored() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage may be forbidden; then the system decides
    }
  }

  function store(theme) {
    try {
      // The system's own colours are not a choice: whoever goes back to them follows the system again.
      if (theme === preferred()) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      // shown now, forgotten later
    }
  }

  function preferred() {
    return system.matches ? "dark" : "light";
  }

  function apply() {
    const theme = stored() === "dark" || stored() === "light" ? stored() : preferred();
    show(theme);
  }

  function show(theme) {
    document.documentElement.dataset.bsTheme = theme;
    const label = document.querySelector("[data-theme-label]");
    if (label) label.textContent = theme === "dark" ? "Light colours" : "Dark colours";
  }

  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    const toggle = document.querySelector("[data-theme-toggle]");
    if (!toggle) return;
    toggle.hidden = false;
    apply();
    toggle.addEventListener("click", () => {
      const theme = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
      store(theme);
      show(theme);
    });
  });

  // The account menu is a <details>: close it as people expect from a menu.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector("[data-menu][open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
})();
