//! What the formats hold, of decisions that are whole, partial, tied, empty, hostile and large. Knows no browser.

mod courses;
mod data;
mod html;
mod look;
mod prose;
mod sample;
