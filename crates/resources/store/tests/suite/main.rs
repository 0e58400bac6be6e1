//! The store, on every database it knows: one suite, and what each of them can do to us besides.

mod backend;
mod broken;
mod isolation;
mod migrations;
mod values;
