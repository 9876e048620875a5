// The part of the address after # says what is shown: #layer=NAME, #unit=LAYER:CHANNEL, #find=TEXT, else all layers.

const layerAddress = (name) => `#layer=${encodeURIComponent(name)}`;
const unitAddress = (name, channel) => `#unit=${encodeURIComponent(`${name}:${channel}`)}`;
const findAddress = (text) => `#find=${encodeURIComponent(text)}`;

// What an address means: { kind, layer, channel, text }; `layer` is one of `layers`. All layers for what is not known.
function meant(address, layers) {
  const [, kind, written] = /^#(layer|unit|find)=(.*)$/s.exec(address) ?? [];
  const text = decoded(written ?? "");
  if (kind === "find" && text.trim()) return { kind, text };
  const layer = layers.find(({ name }) => name === text);
  if (kind === "layer" && layer) return { kind, layer };
  return (kind === "unit" && unitNamed(text, layers)) || { kind: "all" };
}

// `conv1:5` as a unit, null where no layer has such a name. Names of layers may have colons.
function unitNamed(text, layers) {
  const [, name, channel] = /^(.*):\s*(\d+)$/s.exec(text.trim()) ?? [];
  const layer = layers.find((one) => one.name === name) ?? layers.find((one) => one.name.toLowerCase() === name?.toLowerCase());
  return layer ? { kind: "unit", layer, channel: Number(channel) } : null;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // an address that somebody cut off
  }
}
