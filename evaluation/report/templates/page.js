(() => {
  const find = document.querySelector(".find"), [words, order] = find.elements, list = document.querySelector(".examples")
  const count = document.querySelector(".count"), more = document.querySelector(".more"), items = [...list.children]
  const places = new Map(items.map((item, place) => [item, place])), step = 20
  const said = new Map(), text = item => said.get(item) ?? said.set(item, item.textContent.toLowerCase()).get(item)
  const by = {
    gain: (a, b) => places.get(a) - places.get(b),
    loss: (a, b) => places.get(b) - places.get(a),
    title: (a, b) => a.firstElementChild.textContent.localeCompare(b.firstElementChild.textContent, "en"),
  }
  const view = name => { document.getElementById("view-" + name).checked = true }
  let most = step
  function show() {
    const chosen = document.querySelector('[name="view"]:checked').value
    const asked = words.value.toLowerCase().split(/\s+/).filter(Boolean)
    const found = items.filter(item => (chosen === "all" || item.classList.contains(chosen)) && asked.every(word => text(item).includes(word)))
    const shown = new Set(found.sort(by[order.value]).slice(0, most))
    items.forEach(item => { item.hidden = !shown.has(item) })
    list.append(...found)
    count.textContent = `${found.length} ${found.length === 1 ? "title" : "titles"}${shown.size < found.length ? `, ${shown.size} shown` : ""}`
    more.hidden = shown.size === found.length
  }
  list.classList.remove("unsorted")
  find.hidden = count.hidden = false
  words.addEventListener("input", () => { most = step; view("all"); show() })
  order.addEventListener("change", () => { most = step; view("all"); show() })
  more.addEventListener("click", () => { most += step; show() })
  document.querySelectorAll('[name="view"]').forEach(radio => radio.addEventListener("change", () => {
    most = step; words.value = ""; order.value = radio.value === "worst" ? "loss" : "gain"; show()
  }))
  find.addEventListener("submit", event => event.preventDefault())
  show()
})()
