//! The page's program. It starts the page and does nothing else; natively it is empty.

#[cfg(all(target_arch = "wasm32", feature = "page"))]
fn main() {
    patchbay::ui::app::start();
}

#[cfg(not(all(target_arch = "wasm32", feature = "page")))]
fn main() {}
