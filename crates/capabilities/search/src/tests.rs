//! The index in this process, as its users see it.

mod exactness;
mod limits;
mod properties;
mod together;

use crate::{Doc, Embedded, Field, Filter, Found, Index, Query, conformance};
use std::sync::Arc;

static EVERYTHING: Filter = Filter { all: Vec::new() };

#[tokio::test]
async fn it_does_what_every_index_does() {
    conformance::suite(async || Arc::new(Embedded::default()) as Arc<dyn Index>).await.unwrap();
}

fn said(id: &str, scope: &str, text: &str) -> Doc {
    let fields = vec![Field { text: text.to_owned(), weight: 1.0 }];
    Doc { id: id.into(), scope: scope.into(), fields, ..Doc::default() }
}

async fn words(index: &Embedded, text: &str) -> Found {
    let scopes = ["all".into()];
    let query =
        Query { collection: "c", scopes: &scopes, text: Some(text), vector: None, filter: &EVERYTHING, limit: 100 };
    index.query(query).await.unwrap()
}
