(() => {
  const find = document.querySelector(".find"), [search, order] = find.elements, list = document.querySelector(".examples")
  const count = document.querySelector(".count"), more = document.querySelector(".more"), items = [...list.children]
  const positions = new Map(items.map((item, position) => [item, position])), step = 20
  const texts = new Map(), text = item => texts.get(item) ?? texts.set(item, item.textContent.toLowerCase()).get(item)
  const orders = {
    gain: (a, b) => positions.get(a) - positions.get(b),
    loss: (a, b) => positions.get(b) - positions.get(a),
    title: (a, b) => a.firstElementChild.textContent.localeCompare(b.firstElementChild.textContent, "en"),
  }
  const view = name => { document.getElementById("view-" + name).checked = true }
  let limit = step
  function show() {
    const chosen = document.querySelector('[name="view"]:checked').value
    const query = search.value.toLowerCase().split(/\s+/).filter(Boolean)
    const matches = items.filter(item => (chosen === "all" || item.classList.contains(chosen)) && query.every(word => text(item).includes(word)))
    const shown = new Set(matches.sort(orders[order.value]).slice(0, limit))
    items.forEach(item => { item.hidden = !shown.has(item) })
    list.append(...matches)
    count.textContent = `${matches.length} ${matches.length === 1 ? "title" : "titles"}${shown.size < matches.length ? `, ${shown.size} shown` : ""}`
    more.hidden = shown.size === matches.length
  }
  list.classList.remove("unsorted")
  find.hidden = count.hidden = false
  search.addEventListener("input", () => { limit = step; view("all"); show() })
  order.addEventListener("change", () => { limit = step; view("all"); show() })
  more.addEventListener("click", () => { limit += step; show() })
  document.querySelectorAll('[name="view"]').forEach(radio => radio.addEventListener("change", () => {
    limit = step; search.value = ""; order.value = radio.value === "worst" ? "loss" : "gain"; show()
  }))
  find.addEventListener("submit", event => event.preventDefault())
  show()
})()
