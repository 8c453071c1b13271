// Light or dark: as the system says, or as the reader chose, who is remembered.

const KEY = "omnicache-theme";
const NEXT = { auto: "light", light: "dark", dark: "auto" };
const NAMES = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" };

/** Makes a button go round the themes. */
export function startTheme(button) {
  const held = localStorage.getItem(KEY);
  let now = held in NEXT ? held : "auto";
  const show = () => {
    document.documentElement.dataset.theme = now;
    button.textContent = NAMES[now];
  };
  button.addEventListener("click", () => {
    now = NEXT[now];
    localStorage.setItem(KEY, now);
    show();
  });
  show();
}
