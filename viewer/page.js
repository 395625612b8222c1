// What a page with a splat in it does: check that it can be drawn, decode it, start the viewer, say what is going on.
import { createViewer } from '@playcanvas/supersplat-viewer/viewer';

const WIDEST_FOV = 75; // degrees along the longer side of the window, unless the photo itself was wider
const SPILL = 1.1; // how much higher than the photo a narrow window looks: further up and down few photos have seen anything

const root = document.documentElement; // data-state: loading, drawn or failed, for whoever embeds or tests the page
const scene = JSON.parse(document.getElementById('scene').textContent);
const started = performance.now();

function fail(sentence) {
    root.dataset.state = 'failed';
    document.getElementById('message').textContent = sentence;
}

// What the scene is drawn with, or nothing. A browser can have WebGPU and no device for it.
async function renderer() {
    const forced = new URLSearchParams(location.search).has('webgl');
    if (!forced && (await navigator.gpu?.requestAdapter())) return 'webgpu';
    return document.createElement('canvas').getContext('webgl2') ? 'webgl' : null;
}

// The field of view along the window's longer side: all of what the photo showed, in a window that is narrower than the
// photo its whole height, and the middle of its width; but all of an object alone, about which there is nothing.
function fieldOfView({ tanX, tanY, whole }) {
    const aspect = innerWidth / innerHeight;
    const halfHeight = Math.max(tanY, Math.min(tanX / aspect, (whole ? Infinity : SPILL) * tanY));
    const degrees = (tan) => (360 / Math.PI) * Math.atan(tan);
    const wanted = degrees(halfHeight * Math.max(1, aspect));
    return Math.min(wanted, Math.max(WIDEST_FOV, degrees(Math.max(tanX, tanY))));
}

function settings() {
    const off = { enabled: false };
    const { position, target } = scene.view;
    return {
        version: 2,
        tonemapping: 'none',
        highPrecisionRendering: false,
        background: { color: scene.background },
        postEffectSettings: {
            sharpness: { ...off, amount: 0 },
            bloom: { ...off, intensity: 0.1, blurLevel: 2 },
            grading: { ...off, brightness: 1, contrast: 1, saturation: 1, tint: [1, 1, 1] },
            vignette: { ...off, intensity: 0.5, inner: 0.3, outer: 0.75, curvature: 1 },
            fringing: { ...off, intensity: 0.5 }
        },
        animTracks: [],
        cameras: [{ initial: { position, target, fov: fieldOfView(scene.view) } }],
        annotations: [],
        startMode: 'default'
    };
}

function drawn(viewer) {
    viewer.state.cameraMode = 'orbit';
    root.dataset.state = 'drawn';
    root.dataset.seconds = ((performance.now() - started) / 1000).toFixed(2);
}

async function start() {
    const found = await renderer();
    if (!found) {
        fail('This browser or device cannot show 3D scenes: it has no WebGL 2. Please try another, up-to-date browser.');
        return;
    }
    const viewer = await createViewer({
        container: document.body,
        settings: settings(),
        contentUrl: document.getElementById('splat').textContent.trim(),
        contentFilename: scene.filename,
        posterUrl: scene.poster || undefined,
        renderer: found,
        aa: Boolean(scene.antialiased), // else what is small in a splat trained so would look thick and bright
        noanim: true
    });
    globalThis.viewer = viewer;
    if (viewer.state.loaded) drawn(viewer);
    else viewer.events.once('loaded:changed', () => drawn(viewer));
}

root.dataset.state = 'loading';
root.dataset.whole = Boolean(scene.view.whole); // its first picture is then not cut to fill the window
try {
    localStorage.controlsPanelOpen ??= 'false'; // the list of keys covers half of a phone
} catch {
    // no storage in a sandboxed frame: the list shows, and can be closed
}
start().catch((error) => fail(`The scene could not be shown: ${error.message}`));
