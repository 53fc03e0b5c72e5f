"use strict";
// A button beside a command copies it.
document.addEventListener("click", (event) => {
  const button = event.target.closest(".commands button");
  if (!button) return;
  const code = button.parentElement.querySelector("code");
  const selection = getSelection();
  selection.selectAllChildren(code);
  if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(() => { button.textContent = "copied"; }, () => {});
});
