//! Asks the linker to say, in the page's module, where each constant lies and who refers to it. `scripts/split-data.mjs`
//! reads that and takes it out again.

fn main() {
    println!("cargo::rerun-if-changed=scripts/link-page.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_ARCH", "wasm32") && is("PROFILE", "release") {
        println!("cargo::rustc-link-arg-bin=patchbay-web=--emit-relocs");
    }
}
