// Copy buttons. Without this script they stay hidden.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1200);
  });
}
// A click outside or Escape closes the revision picker.
const close = (event) => {
  for (const picker of document.querySelectorAll("details.picker[open]"))
    if (event.key === "Escape" || (event.type === "click" && !picker.contains(event.target))) picker.open = false;
};
document.addEventListener("click", close);
document.addEventListener("keydown", close);
