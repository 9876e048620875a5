// Elements from plain values. Text only ever becomes text: nothing here parses HTML.

const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function options(select, choices) {
  select.replaceChildren(...choices.map(({ value, text }) => element("option", { value }, text)));
}

function readData() {
  return JSON.parse(byId("data").textContent);
}

// Many events, one call: at the next frame.
function oncePerFrame(act) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      act();
    });
  };
}
