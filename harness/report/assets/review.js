// Keys of the review page. Everything works without them, by forms and links.
const form = document.querySelector("form.mark");
const help = document.getElementById("help");
const points = form?.elements.points, reason = form?.elements.reason, author = form?.elements.author;

for (const hidden of document.querySelectorAll("[data-help], .steps, .used")) hidden.hidden = false;
document.querySelector("[data-help]")?.addEventListener("click", () => help.showModal());
document.querySelector("[data-onward]")?.click();

function give(value) {
  const most = Number(points.dataset.most);
  if (value >= 0 && value <= most) points.value = String(value);
  points.classList.toggle("refused", !(value >= 0 && value <= most));
  points.select();
}
function half() {
  const now = Number(points.value.replace(",", ".")) || 0;
  give(now % 1 || now === Number(points.dataset.most) ? now - 0.5 : now + 0.5);
}

if (form) {
  if (!document.querySelector("[role=alert]")) author.value = localStorage.getItem("author") ?? author.value;
  form.addEventListener("submit", () => {
    localStorage.setItem("author", author.value);
    setTimeout(() => { form.querySelector(".save").disabled = true; });     // one press, one mark
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.points !== undefined) give(Number(button.dataset.points));
    if (button?.dataset.half !== undefined) half();
    if (button?.dataset.reason !== undefined) { reason.value = button.dataset.reason; reason.focus(); }
  });
  points.focus();
  points.select();
}
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });    // going back shows what stands now

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open || event.isComposing) return;
  const field = event.target.closest("input, textarea, select");
  const writing = field && field !== points;
  if (event.key === "Escape" && field) { field.blur(); return; }
  if (event.key === "Enter" && form && !event.shiftKey && !event.target.closest("button, a, summary, select")) {
    event.preventDefault();
    form.requestSubmit();
    return;
  }
  if (writing) return;
  const link = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (link) { event.preventDefault(); link.click(); }
  else if (event.key === "?") { event.preventDefault(); help.showModal(); }
  else if (form && event.key === "r") { event.preventDefault(); reason.focus(); }
  else if (form && event.key === "h") { event.preventDefault(); half(); }
  else if (form && field !== points && /^[0-9]$/.test(event.key)) { event.preventDefault(); give(Number(event.key)); }
});
