//! `docs/environment.md` is what the table of variables says. `UPDATE_DOCS=1` rewrites the page.

use std::path::Path;

#[test]
fn the_page_of_variables_is_what_the_table_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/environment.md");
    let wanted = spacelift_worker_core::config::reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/environment.md differs from config/vars.rs: run this test with UPDATE_DOCS=1"
    );
}
