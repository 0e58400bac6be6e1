//! Has the linker put what runs side by side, as `hot.ld` says.
//!
//! That is what `lld` and GNU's `ld` understand, and `gold` and `mold` do not: with those, `ALTHING_ANY_ORDER=1`.

use std::env::var;

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=hot.ld");
    println!("cargo:rerun-if-env-changed=ALTHING_ANY_ORDER");
    let is = |name, value| var(name).is_ok_and(|found| found == value);
    let understood = is("CARGO_CFG_TARGET_OS", "linux") && var("ALTHING_ANY_ORDER").is_err();
    if understood
        && is("PROFILE", "release")
        && let Ok(folder) = var("OUT_DIR")
    {
        // A copy beside what is built: a target folder that is kept may outlive the sources that it was built from.
        std::fs::copy("hot.ld", format!("{folder}/hot.ld"))?;
        println!("cargo:rustc-link-arg-bins=-T{folder}/hot.ld");
    }
    Ok(())
}
