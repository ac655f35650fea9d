// The second part of the page's WebAssembly: where it comes from, and when. scripts/split-page.mjs puts this below the
// script of wasm-bindgen, whose `wasm` is the first part.

const SECOND_PART = new URL('SECOND_PART_NAME', import.meta.url);
// Someone is there, and may want more than to watch.
const SIGNS_OF_LIFE = ['pointermove', 'pointerdown', 'touchstart', 'wheel', 'keydown', 'click', 'dragenter'];

let sharedImports;
let secondPartIsMissing = false;
const untilNeeded = new AbortController();

function withSecondPart(imports) {
    sharedImports = imports;
    return { ...imports, second: { load: loadSecondPart } };
}

function linkSecondPart(module) {
    if (wasm.second.value) return;
    new WebAssembly.Instance(module, { ...sharedImports, first: wasm });
    wasm.second.value = 1;
    untilNeeded.abort();
}

// Called in the middle of a function that can't wait. The number says which one was called, by target/doors.txt.
function loadSecondPart(door) {
    performance.mark(`second part, door ${door}`);
    untilNeeded.abort();
    try {
        if (secondPartIsMissing) throw new Error('The second part of the page is missing.');
        const request = new XMLHttpRequest();
        request.open('GET', SECOND_PART, false);
        // A request that does not wait gives text only; in this character set the lower byte of each letter is the byte.
        request.overrideMimeType('text/plain; charset=x-user-defined');
        request.send();
        if (request.status !== 200) throw new Error(`The second part of the page is missing: ${request.status} from ${SECOND_PART}`);
        linkSecondPart(new WebAssembly.Module(Uint8Array.from(request.responseText, (letter) => letter.charCodeAt(0))));
    } catch (error) {
        if (!secondPartIsMissing) sayThatSecondPartIsMissing();
        secondPartIsMissing = true;
        throw error;
    }
}

// Whoever reads this has changed nothing yet, because the second part does all changes. The page can't go on from here:
// a function of it ended in the middle.
function sayThatSecondPartIsMissing() {
    const dialog = document.createElement('dialog');
    dialog.setAttribute('role', 'alertdialog');
    const words = document.createElement('p');
    words.textContent = 'The part of Patchbay that does this could not be loaded. Your drawing is kept as it was. Reload the page to go on.';
    const reload = document.createElement('button');
    reload.textContent = 'Reload';
    reload.className = 'primary';
    reload.onclick = () => location.reload();
    dialog.oncancel = (event) => event.preventDefault();
    dialog.append(words, reload);
    document.body.append(dialog);
    dialog.showModal();
}

// If this fails, the call that needs it tries once more.
async function fetchSecondPart() {
    SIGNS_OF_LIFE.forEach((sign) => removeEventListener(sign, fetchSecondPart, true));
    try {
        const response = await fetch(SECOND_PART, { signal: untilNeeded.signal });
        if (response.ok) linkSecondPart(await WebAssembly.compile(await response.arrayBuffer()));
    } catch {
        // Without a connection, or because the call came first.
    }
}

// A figure in another page is mostly watched; there the second part waits for the call.
const address = new URLSearchParams(location.search);
if (address.get('embed') !== '1' || address.get('mode') === 'edit') {
    SIGNS_OF_LIFE.forEach((sign) => addEventListener(sign, fetchSecondPart, { capture: true, passive: true }));
}
