//! What every index does, as checks that any of them can be put through: `suite(async || made()).await?`. Scores differ
//! between backends and are not held against numbers here, only against each other.

use crate::{Candidate, Doc, Field, Filter, Found, Index, Query, SearchError, Vector};
use std::sync::Arc;

type Checked = Result<(), SearchError>;

/// Puts indexes through all of it; `make` makes an empty one each time.
///
/// # Errors
/// Whatever an index answered where it should not have failed.
///
/// # Panics
/// Where an index does not do what it should.
pub async fn suite(make: impl AsyncFn() -> Arc<dyn Index>) -> Checked {
    nothing_is_found_in_nothing(&*make().await).await?;
    what_was_written_is_there(&*make().await).await?;
    words_are_found_in_all_their_forms(&*make().await).await?;
    fields_have_weights(&*make().await).await?;
    both_lists_become_one(&*make().await).await?;
    the_nearest_vector_counts(&*make().await).await?;
    others_scopes_shift_nothing(&*make().await).await?;
    filters_leave_out(&*make().await).await?;
    other_vectors_are_refused(&*make().await).await?;
    collections_are_apart(&*make().await).await?;
    many_are_held(&*make().await).await
}

static EVERYTHING: Filter = Filter { all: Vec::new() };

/// A document that everybody sees and that says something.
fn doc(id: &str, text: &str) -> Doc {
    let fields = vec![Field { text: text.to_owned(), weight: 1.0 }];
    Doc { id: id.into(), scope: "all".into(), fields, ..Doc::default() }
}

/// A vector at an angle, in degrees.
fn at(degrees: f32) -> Vector {
    let (sin, cos) = degrees.to_radians().sin_cos();
    Vector::from([cos, sin])
}

/// A document that means something as well.
fn meaning(id: &str, text: &str, degrees: &[f32]) -> Doc {
    Doc { vectors: degrees.iter().map(|&degrees| at(degrees)).collect(), ..doc(id, text) }
}

/// A question to everything that everybody sees.
fn all<'a>(scopes: &'a [Arc<str>], text: Option<&'a str>, vector: Option<&'a [f32]>) -> Query<'a> {
    Query { collection: "c", scopes, text, vector, filter: &EVERYTHING, limit: 10 }
}

async fn words(index: &dyn Index, text: &str) -> Result<Found, SearchError> {
    index.query(all(&["all".into()], Some(text), None)).await
}

fn ids(found: &Found) -> Vec<&str> {
    found.candidates.iter().map(|candidate| &*candidate.id).collect()
}

fn of<'a>(found: &'a Found, id: &str) -> Option<&'a Candidate> {
    found.candidates.iter().find(|candidate| &*candidate.id == id)
}

async fn nothing_is_found_in_nothing(index: &dyn Index) -> Checked {
    let nothing = words(index, "anything").await?;
    assert_eq!(nothing.candidates, []);
    assert_eq!(index.delete("c", &["a".into()]).await?, 0);
    assert_eq!(index.snapshot("c").await?, Default::default());
    index.upsert("c", Vec::new()).await?;
    index.upsert("c", vec![doc("a", "sun"), doc("empty", "")]).await?;
    assert_eq!(ids(&words(index, "").await?), [""; 0]);
    assert_eq!(ids(&words(index, "moon").await?), [""; 0]);
    let unseen = index.query(all(&[], Some("anything"), None)).await?;
    assert_eq!(unseen, nothing, "what is not seen is as if it was not there");
    assert_eq!(ids(&index.query(all(&["all".into()], None, None)).await?), [""; 0]);
    let scopes = ["all".into()];
    let none = Query { limit: 0, ..all(&scopes, Some("sun"), None) };
    assert_eq!(ids(&index.query(none).await?), [""; 0]);
    Ok(())
}

async fn what_was_written_is_there(index: &dyn Index) -> Checked {
    let grouped = Doc { group: Some("g".into()), ..doc("b", "rain tomorrow") };
    index.upsert("c", vec![doc("a", "sun today"), grouped]).await?;
    let found = words(index, "rain").await?;
    assert_eq!(ids(&found), ["b"]);
    assert_eq!(of(&found, "b").and_then(|found| found.group.as_deref()), Some("g"));
    index.upsert("c", vec![doc("b", "snow tomorrow")]).await?;
    assert_eq!(ids(&words(index, "rain").await?), [""; 0], "what it said before is forgotten");
    assert_eq!(ids(&words(index, "snow").await?), ["b"]);
    // Of two with one id the later one stays.
    index.upsert("c", vec![doc("a", "hail"), doc("a", "storm")]).await?;
    assert_eq!(ids(&words(index, "hail storm").await?), ["a"]);
    assert_eq!(ids(&words(index, "hail").await?), [""; 0]);
    assert_eq!(index.snapshot("c").await?.documents.len(), 2);
    assert_eq!(index.delete("c", &["b".into(), "b".into(), "unknown".into()]).await?, 1);
    assert_eq!(ids(&words(index, "snow storm").await?), ["a"]);
    Ok(())
}

async fn words_are_found_in_all_their_forms(index: &dyn Index) -> Checked {
    index
        .upsert("c", vec![doc("a", "showCurrentWeather"), doc("b", "lists the files"), doc("c", "東京の天気")])
        .await?;
    for (text, id) in [
        ("show_current_weather", "a"),
        ("SHOWCURRENTWEATHER", "a"),
        ("weather?", "a"),
        ("listing a file", "b"),
        ("天気", "c"),
    ] {
        assert_eq!(ids(&words(index, text).await?), [id], "{text}");
    }
    let found = words(index, "weather of today, weather of tomorrow").await?;
    assert_eq!(of(&found, "a").map(|found| found.matched), Some(1));
    assert_eq!(found.words_asked, 3);
    let whole = words(index, "current weather").await?;
    let share = |found: &Found| of(found, "a").map_or(0.0, |a| a.words / found.words_best_possible);
    assert!(share(&whole) > 2.0 * share(&found), "unknown words lower the share of the question that is answered");
    Ok(())
}

async fn fields_have_weights(index: &dyn Index) -> Checked {
    let fields = |name: &str, weight| {
        let of = |text: &str, weight| Field { text: text.to_owned(), weight };
        vec![of(name, weight), of("one two three", 1.0)]
    };
    let heavy = Doc { fields: fields("sun", 2.0), ..doc("heavy", "") };
    let light = Doc { fields: fields("sun", 1.0), ..doc("light", "") };
    let weightless = Doc { fields: fields("sun", 0.0), ..doc("weightless", "") };
    index.upsert("c", vec![light, weightless, heavy]).await?;
    let found = words(index, "sun").await?;
    assert_eq!(ids(&found), ["heavy", "light"]);
    // Equal ones are told by name.
    index.upsert("c", vec![doc("z", "moon"), doc("y", "moon")]).await?;
    assert_eq!(ids(&words(index, "moon").await?), ["y", "z"]);
    Ok(())
}

async fn both_lists_become_one(index: &dyn Index) -> Checked {
    let docs = vec![
        meaning("both", "sun", &[10.0]),
        meaning("words", "sun sun", &[80.0]),
        meaning("near", "moon", &[0.0]),
        meaning("far", "moon", &[90.0]),
        doc("wordy", "sun and more"),
    ];
    index.upsert("c", docs).await?;
    let (scopes, vector) = (["all".into()], at(0.0));
    let query = Query { limit: 2, ..all(&scopes, Some("sun"), Some(&vector)) };
    let found = index.query(query).await?;
    let mut names = ids(&found);
    names.sort_unstable();
    assert_eq!(names, ["both", "near", "words"], "the best two of each list");
    for (id, degrees, says) in [("both", 10.0_f32, true), ("near", 0.0, false), ("words", 80.0, true)] {
        let Some(Candidate { words, matched, cosine, .. }) = of(&found, id) else { continue };
        let exact = degrees.to_radians().cos();
        assert!(cosine.is_some_and(|cosine| (cosine - exact).abs() < 1e-3), "{id}: {cosine:?}, not {exact}");
        assert_eq!((*words > 0.0, *matched), (says, usize::from(says)), "{id}");
    }
    let found = index.query(Query { limit: 10, ..query }).await?;
    assert_eq!(of(&found, "wordy").map(|found| found.cosine), Some(None));
    assert_eq!(ids(&index.query(Query { text: None, limit: 1, ..query }).await?), ["near"]);
    Ok(())
}

async fn the_nearest_vector_counts(index: &dyn Index) -> Checked {
    index.upsert("c", vec![meaning("a", "", &[0.0, 90.0, 180.0]), meaning("b", "", &[60.0]), doc("c", "")]).await?;
    let scopes = ["all".into()];
    let nearest = async |degrees| {
        let found = index.query(all(&scopes, None, Some(&at(degrees)))).await?;
        Ok::<_, SearchError>(ids(&found).into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    assert_eq!(nearest(95.0).await?, ["a", "b"]);
    assert_eq!(nearest(65.0).await?, ["b", "a"]);
    // Nothing but vectors changes.
    index.upsert("c", vec![meaning("a", "", &[0.0])]).await?;
    assert_eq!(nearest(95.0).await?, ["b", "a"]);
    index.upsert("c", vec![meaning("c", "", &[95.0]), doc("a", "")]).await?;
    assert_eq!(nearest(95.0).await?, ["c", "b"]);
    let counts: Vec<usize> = index.snapshot("c").await?.documents.iter().map(|held| held.vectors).collect();
    assert_eq!(counts, [0, 1, 1]);
    Ok(())
}

async fn others_scopes_shift_nothing(index: &dyn Index) -> Checked {
    let own = |id: &str, text: &str, degrees| Doc { scope: "own".into(), ..meaning(id, text, &[degrees]) };
    let shared = [meaning("a", "sun and moon", &[0.0]), meaning("b", "sun over sun", &[40.0])];
    index.upsert("c", [shared.to_vec(), vec![own("c", "moon", 20.0)]].concat()).await?;
    let (scopes, vector) = (["all".into(), "own".into(), "own".into()], at(10.0));
    let ask = || index.query(all(&scopes, Some("moon sun star"), Some(&vector)));
    let before = ask().await?;
    assert_eq!(before.candidates.len(), 3, "a scope that is named twice is seen once");
    let hidden = |n: usize| Doc { scope: "hidden".into(), ..meaning(&format!("h{n}"), "moon moon star", &[10.0]) };
    index.upsert("c", (0..300).map(hidden).collect()).await?;
    assert_eq!(ask().await?, before, "what is hidden counts in nothing");
    // A document that moves into another scope is gone from where it was.
    index.upsert("c", vec![Doc { scope: "hidden".into(), ..own("c", "moon", 20.0) }]).await?;
    let after = ask().await?;
    assert_eq!(after.candidates.len(), 2);
    assert_ne!(of(&after, "a"), of(&before, "a"), "what is seen counts");
    Ok(())
}

async fn filters_leave_out(index: &dyn Index) -> Checked {
    let tagged = |id: &str, tags: &[&str]| {
        let tags = tags.iter().map(|&tag| tag.into()).collect();
        Doc { tags, ..meaning(id, "sun", &[0.0]) }
    };
    index.upsert("c", vec![tagged("a", &["x", "p", "x"]), tagged("b", &["y", "p"]), tagged("c", &["y"])]).await?;
    let (scopes, vector) = (["all".into()], at(0.0));
    let everything = index.query(all(&scopes, Some("sun"), Some(&vector))).await?;
    for (groups, expect) in [
        (vec![], vec!["a", "b", "c"]),
        (vec![vec!["x"]], vec!["a"]),
        (vec![vec!["x", "y"]], vec!["a", "b", "c"]),
        (vec![vec!["x", "y", "unknown"], vec!["p"]], vec!["a", "b"]),
        (vec![vec!["unknown"]], vec![]),
        (vec![vec![]], vec![]),
    ] {
        let all_of = |group: &Vec<&str>| group.iter().map(|&tag| tag.into()).collect();
        let filter = Filter { all: groups.iter().map(all_of).collect() };
        let found = index.query(Query { filter: &filter, ..all(&scopes, Some("sun"), Some(&vector)) }).await?;
        assert_eq!(ids(&found), expect, "{groups:?}");
        for candidate in &found.candidates {
            assert_eq!(Some(candidate), of(&everything, &candidate.id), "what is left out still counts");
        }
    }
    // Documents take their tags with them.
    index.upsert("c", vec![tagged("a", &["y"])]).await?;
    let filter = Filter { all: vec![vec!["x".into()]] };
    let query = Query { filter: &filter, ..all(&scopes, Some("sun"), None) };
    assert_eq!(ids(&index.query(query).await?), [""; 0]);
    Ok(())
}

async fn other_vectors_are_refused(index: &dyn Index) -> Checked {
    let of_three = Doc { vectors: vec![Vector::from([1.0, 0.0, 0.0])], ..doc("three", "sun") };
    // More than anybody would write in one step.
    let mut docs: Vec<Doc> = (0..300).map(|n| meaning(&format!("two {n}"), "sun", &[0.0])).collect();
    docs.push(of_three.clone());
    let mixed = index.upsert("c", docs).await;
    assert_eq!(mixed.err(), Some(refused("document `three`", 3, 2)));
    assert_eq!(ids(&words(index, "sun").await?), [""; 0], "nothing is written where one is refused");
    index.upsert("c", vec![meaning("two", "sun", &[0.0])]).await?;
    assert_eq!(index.upsert("c", vec![of_three.clone()]).await.err(), Some(refused("document `three`", 3, 2)));
    let scopes = ["all".into()];
    let asked = index.query(all(&scopes, None, Some(&[1.0, 0.0, 0.0]))).await;
    assert_eq!(asked.err(), Some(refused("the query", 3, 2)));
    for bad in [vec![], vec![f32::NAN, 0.0], vec![0.0, f32::INFINITY], vec![3.0, 4.0]] {
        let doc = Doc { vectors: vec![bad.clone().into()], ..doc("bad", "") };
        assert!(matches!(index.upsert("c", vec![doc]).await, Err(SearchError::Vector { .. })), "{bad:?}");
        let asked = index.query(all(&scopes, None, Some(&bad))).await;
        assert!(matches!(asked, Err(SearchError::Vector { .. })), "{bad:?}");
    }
    // Once the last vector is gone others may come.
    assert_eq!(index.snapshot("c").await?.dimensions, Some(2));
    index.upsert("c", vec![doc("two", "sun")]).await?;
    assert_eq!(index.snapshot("c").await?.dimensions, None);
    index.upsert("c", vec![of_three]).await?;
    assert_eq!(index.snapshot("c").await?.dimensions, Some(3));
    Ok(())
}

fn refused(what: &str, given: usize, held: usize) -> SearchError {
    SearchError::Dimensions { what: what.to_owned(), given, held }
}

async fn collections_are_apart(index: &dyn Index) -> Checked {
    index.upsert("c", vec![meaning("a", "sun", &[0.0])]).await?;
    let other = Doc { vectors: vec![Vector::from([1.0])], ..doc("a", "moon") };
    index.upsert("d", vec![other]).await?;
    assert_eq!(ids(&words(index, "moon").await?), [""; 0]);
    assert_eq!(index.delete("d", &["a".into()]).await?, 1);
    assert_eq!(ids(&words(index, "sun").await?), ["a"]);
    Ok(())
}

async fn many_are_held(index: &dyn Index) -> Checked {
    let scope = |n: usize| -> Arc<str> { format!("s{}", n % 3).into() };
    let one =
        |n: usize| Doc { scope: scope(n), ..meaning(&format!("{n:04}"), &format!("sun {n}"), &[n as f32 / 20.0]) };
    index.upsert("c", (0..1_000).map(one).collect()).await?;
    let gone: Vec<Arc<str>> = (0..1_000).step_by(2).map(|n| format!("{n:04}").into()).collect();
    assert_eq!(index.delete("c", &gone).await?, 500);
    let snapshot = index.snapshot("c").await?;
    assert_eq!(snapshot.documents.len(), 500);
    assert!(snapshot.documents.is_sorted());
    assert_eq!(snapshot.documents.first().map(|held| (&*held.id, &*held.scope)), Some(("0001", "s1")));
    let scopes: Vec<Arc<str>> = (0..3).map(scope).collect();
    let found = index.query(Query { limit: 5, ..all(&scopes, Some("501"), Some(&at(25.05))) }).await?;
    let mut names = ids(&found);
    assert_eq!(names.first(), Some(&"0501"), "what holds the word comes first");
    names.sort_unstable();
    assert_eq!(names, ["0497", "0499", "0501", "0503", "0505"]);
    Ok(())
}
