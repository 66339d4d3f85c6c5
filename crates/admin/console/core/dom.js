// The only way in which the console makes elements. Text becomes text nodes and attributes come from a list, so that no text of a
// script or a server is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

const ATTRIBUTES = new Set(
    ("abbr autocomplete checked cols colspan datetime disabled download for height hidden href id inputmode lang list max maxlength min "
        + "name open pattern placeholder readonly rel required role rows rowspan scope selected spellcheck step tabindex target title type value width "
        + "autocapitalize enterkeyhint dir "
        + "cx cy d dx dy fill points preserveAspectRatio r rx ry stroke transform viewBox x x1 x2 y y1 y2 text-anchor").split(" "),
);

/** Makes an element: `h("a.button", {href, on: {click}}, "text", child)`. Children that are null or false are left out. */
export function h(selector, properties, ...children) {
    return made(null, selector, properties, children);
}

/** The same for SVG. */
export function svg(selector, properties, ...children) {
    return made(SVG, selector, properties, children);
}

/** Puts `children` in the place of whatever `parent` holds. */
export function replace(parent, ...children) {
    parent.replaceChildren(...children.flat(Infinity).filter(isShown));
    return parent;
}

/** Sets attributes as `h` does. */
export function set(element, properties) {
    for (const [name, value] of Object.entries(properties)) attribute(element, name, value);
    return element;
}

function made(namespace, selector, properties, children) {
    const [name, ...classes] = selector.split(".");
    const element = namespace ? document.createElementNS(namespace, name) : document.createElement(name);
    if (classes.length) element.classList.add(...classes);
    if (isChild(properties)) children.unshift(properties);
    else if (properties) set(element, properties);
    element.append(...children.flat(Infinity).filter(isShown));
    return element;
}

function isChild(value) {
    return typeof value === "string" || typeof value === "number" || value instanceof Node || Array.isArray(value);
}

function isShown(child) {
    return child !== null && child !== undefined && child !== false && child !== "";
}

function attribute(element, name, value) {
    if (value === undefined || value === null) return;
    if (name === "on") {
        for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "class") {
        element.classList.add(...String(value).split(" ").filter(Boolean));
    } else if (name === "data") {
        for (const [key, one] of Object.entries(value)) element.dataset[key] = one;
    } else if (name === "vars") {
        for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    } else if (!ATTRIBUTES.has(name) && !name.startsWith("aria-")) {
        throw new TypeError(`the console sets no attribute ${name}`);
    } else if (value === false && !name.startsWith("aria-")) {
        element.removeAttribute(name);
    } else if (name === "value" && "value" in element && element.localName !== "option") {
        element.value = value;
    } else {
        if (name === "href" && !isSafe(String(value))) throw new TypeError("the console links to paths and to https addresses");
        element.setAttribute(name, value === true ? "" : String(value));
    }
}

function isSafe(address) {
    return /^(?:\/(?![/\\])|#|https?:\/\/)/i.test(address);
}
