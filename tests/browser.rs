//! The engine in a browser gives the very runs that it gives natively.
//!
//! `wasm-pack test --headless --chrome -- --test browser`; `webdriver.json` has the settings of the browser.
#![cfg(target_arch = "wasm32")]

mod runs;

use std::collections::BTreeMap;

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

use patchbay::kernel::{Timeline, TraceMode};
use patchbay::scenario::{decode, encode, Run};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn the_digests_are_the_native_ones() {
    let recorded: BTreeMap<String, String> = serde_json::from_str(runs::RECORDED).expect("the file is read");
    assert_eq!(runs::computed(), recorded);
}

#[wasm_bindgen_test]
fn a_seek_and_a_saved_document_make_the_same_run() {
    for (name, document) in runs::documents() {
        let straight = runs::state(&runs::run(&document, TraceMode::Off));
        let loaded = decode(&encode(&document)).expect("what was written can be read");
        let mut timeline = Timeline::new(Run::new(loaded.into(), TraceMode::Full).0);
        timeline.seek_time(runs::UNTIL);
        assert_eq!(runs::state(timeline.world()), straight, "{name}");
        timeline.seek_steps(timeline.world().simulation().steps() / 3);
        timeline.seek_time(runs::UNTIL);
        assert_eq!(runs::state(timeline.world()), straight, "{name}: after a seek");
    }
}
