//! Asks the linker to tell, in the page's module, which of its constants each function needs. `scripts/split-data.mjs`
//! reads it and takes it out again.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_ARCH", "wasm32") && is("PROFILE", "release") {
        println!("cargo::rustc-link-arg-bin=patchbay-web=--emit-relocs");
    }
}
