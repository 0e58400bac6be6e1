//! Answers to similar questions: who gets them, who does not, what is told and paid, and when it stops.

use super::*;

/// What an upstream's vectors are of: all questions look the same, but for those that hold this word.
const APART: &str = "elsewhere";
const SIMILAR: &str = "answered with the kept answer to a similar question (likeness 1.00)";
const AUSTRIA: &str = "What is the capital of Austria?";
const AGAIN: &str = "Please tell me: what is Austria's capital?";

/// An upstream that numbers its chats, and whose vectors collide.
async fn colliding() -> Upstream {
    colliding_saying(|number| format!("answer {number}")).await
}

async fn colliding_saying(says: impl Fn(u64) -> String + Send + Sync + 'static) -> Upstream {
    let count = AtomicU64::new(0);
    Upstream::start(move |seen| {
        let asked = seen.json();
        if seen.path.ends_with("/embeddings") {
            let apart = asked["input"].as_str().unwrap().contains(APART);
            let vector = if apart { [0.0, 1.0] } else { [1.0, 0.0] };
            let usage = json!({ "prompt_tokens": 1_000_000, "total_tokens": 1_000_000 });
            return Reply::json(200, &json!({ "data": [{ "index": 0, "embedding": vector }], "usage": usage }));
        }
        let text = says(count.fetch_add(1, Ordering::Relaxed));
        match asked["stream"] == true {
            true => Reply::chat_stream(&[&text, " end"]),
            false => Reply::chat(&text),
        }
    })
    .await
}

fn semantic(upstream: &Upstream, keys: &str) -> String {
    let keys = if keys.contains("model") { keys.to_owned() } else { format!("model = \"a/m\"\n{keys}") };
    let keys = if keys.contains("verify") { keys } else { format!("verify = 0.0\n{keys}") };
    provider("a", &upstream.url()) + "[cache.semantic]\n" + &keys + "\n"
}

fn about(text: &str, more: &Value) -> ChatRequest {
    let mut body = json!({ "model": "a/m", "seed": 1, "messages": [{ "role": "user", "content": text }] });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    request(&body)
}

fn plain(text: &str) -> ChatRequest {
    about(text, &json!({}))
}

/// How it is doing once so many answers have been compared.
async fn verified(house: &House, many: usize) -> ::semantic::SemanticState {
    for _ in 0..200 {
        let state = house.matrix.answers().unwrap().similar().unwrap();
        if state.verified >= many {
            return state;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("they are not compared")
}

fn chats(upstream: &Upstream) -> usize {
    upstream.seen().iter().filter(|seen| !seen.path.ends_with("/embeddings")).count()
}

#[tokio::test]
async fn a_similar_question_gets_the_kept_answer_and_is_told_so() {
    let upstream = colliding().await;
    let house = House::new(&semantic(&upstream, ""));
    let purse = Purse::new();
    let mut caller = caller(PATIENCE);
    caller.guest.spend = Arc::clone(&purse) as _;
    let (first, report) = house.whole(&caller, &plain(AUSTRIA)).await;
    assert_eq!(report.cache, "miss");
    // A million tokens for the vector, at a dollar, and the answer's beside it.
    assert!(report.cost_usd > Some(Decimal::ONE), "{:?}", report.cost_usd);
    for _ in 0..2 {
        let (again, report) = house.whole(&caller, &plain(AGAIN)).await;
        assert_eq!((&again, report.cache, report.cost_usd), (&first, "hit-memory", Some(Decimal::ONE)));
        assert_eq!((report.reasons, report.served_by.as_str()), (vec![SIMILAR.to_owned()], "a/m"));
    }
    // What is kept for the very question needs no vector.
    let (same, report) = house.whole(&caller, &plain(AUSTRIA)).await;
    assert_eq!(
        (same, report.cache, report.reasons.len(), report.cost_usd),
        (first, "hit-memory", 0, Some(Decimal::ZERO))
    );
    assert_eq!((chats(&upstream), upstream.seen().len()), (1, 4));
    assert_eq!((purse.needs().len(), purse.notes().len(), purse.open_tabs()), (4, 4, 0));
    let state = house.matrix.answers().unwrap().similar().unwrap();
    assert_eq!((state.questions, state.lookups, state.hits, state.error_rate), (1, 3, 2, None));
}

#[tokio::test]
async fn what_differs_in_a_decisive_word_is_asked() {
    let upstream = colliding().await;
    let house = House::new(&semantic(&upstream, ""));
    for text in [
        AUSTRIA,
        "What is the capital of Australia?",
        "What is not the capital of Austria?",
        "What was the capital of Austria in 1914?",
        "What is the capital of 'Austria'?",
        "What is the capital of Austria, elsewhere?",
    ] {
        let (_, report) = house.whole(&caller(PATIENCE), &plain(text)).await;
        assert_eq!((report.cache, report.reasons.len()), ("miss", 0), "{text}");
    }
    let state = house.matrix.answers().unwrap().similar().unwrap();
    assert_eq!((state.hits, state.refused, state.questions), (0, 4, 6));
}

#[tokio::test]
async fn only_the_last_words_may_differ_and_only_of_the_same_tenant() {
    let upstream = colliding().await;
    let house = House::new(&(semantic(&upstream, "") + &route(&["a"])));
    house.whole(&caller(PATIENCE), &plain(AUSTRIA)).await;
    let messages =
        |before: &str| json!([{ "role": "system", "content": before }, { "role": "user", "content": AGAIN }]);
    let tool = json!({ "type": "function", "function": { "name": "f" } });
    for more in [
        json!({ "seed": 2 }),
        json!({ "max_tokens": 9 }),
        json!({ "model": "r" }),
        json!({ "messages": messages("be brief") }),
        json!({ "tools": [tool] }),
    ] {
        assert_eq!(house.whole(&caller(PATIENCE), &about(AGAIN, &more)).await.1.cache, "miss", "{more}");
    }
    assert_eq!(house.whole(&of_tenant("other"), &plain(AGAIN)).await.1.cache, "miss");
    assert_eq!(house.whole(&asked_for(Kept::Refresh), &plain("The capital of Austria?")).await.1.cache, "miss");
    assert_eq!(house.whole(&asked_for(Kept::Never), &plain("The capital of Austria?")).await.1.cache, "off");
    assert_eq!(house.whole(&caller(PATIENCE), &plain(AGAIN)).await.1.cache, "hit-memory");
    assert_eq!(house.whole(&of_tenant("other"), &plain(AUSTRIA)).await.1.cache, "hit-memory");
}

#[tokio::test]
async fn without_a_vector_in_time_the_model_is_asked() {
    let slow = Upstream::start(|seen| match seen.path.ends_with("/embeddings") {
        true => Reply::hang(),
        false => Reply::chat("an answer"),
    })
    .await;
    let down = Upstream::start(|seen| match seen.path.ends_with("/embeddings") {
        true => Reply::error(500, "x", "x"),
        false => Reply::chat("an answer"),
    })
    .await;
    for (upstream, keys) in [(&slow, ""), (&down, ""), (&down, "model = \"nobody/m\"")] {
        let house = House::new(&semantic(upstream, keys));
        for text in [AUSTRIA, AGAIN] {
            let started = std::time::Instant::now();
            let (_, report) = house.whole(&caller(Duration::from_secs(2)), &plain(text)).await;
            assert_eq!((report.cache, report.degraded), ("miss", false), "{keys}");
            assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
        }
        let state = house.matrix.answers().unwrap().similar().unwrap();
        assert_eq!((state.failed, state.questions), (2, 0), "{keys}");
    }
}

#[tokio::test]
async fn verified_hits_are_compared_and_too_many_wrong_ones_stop_it() {
    let upstream = colliding_saying(|number| if number < 30 { format!("{number}") } else { "29".to_owned() }).await;
    let house = House::new(&semantic(&upstream, "verify = 1.0\nerrors_max = 0.5"));
    // Each wording another exact question; the model says something else each time.
    let wordings = (0..80).map(|nth| format!("{}what is the capital of Austria?", "please ".repeat(nth)));
    for (nth, text) in wordings.enumerate() {
        let (answer, report) = house.whole(&caller(PATIENCE), &plain(&text)).await;
        assert_eq!(report.cache, "miss", "the fresh answer is given");
        assert!(answer.contains(&format!("\"{}\"", nth.min(29))), "{answer}");
        // Comparing goes on beside the answers, and the order in which it ends is not to matter here.
        let state = verified(&house, nth).await;
        if nth == 25 {
            assert_eq!((state.verified, state.wrong, state.answering, state.error_rate), (25, 25, false, Some(1.0)));
        }
    }
    let after = verified(&house, 79).await;
    assert!(after.answering && after.wrong == 29 && after.verified == 79, "{after:?}");
    assert!(after.interval[0] < 0.37 && after.interval[1] > 0.37, "{after:?}");
    assert_eq!(after.hits, 0);
}

#[tokio::test]
async fn streams_are_played_back_and_verified_when_complete() {
    let upstream = colliding().await;
    let house = House::new(&semantic(&upstream, ""));
    let streamed = |text: &str| about(text, &json!({ "stream": true }));
    let (first, report) = house.streamed(&caller(PATIENCE), &streamed(AUSTRIA)).await;
    assert_eq!(report.cache, "miss");
    let (again, report) = house.streamed(&caller(PATIENCE), &streamed(AGAIN)).await;
    assert_eq!((again, report.cache, report.reasons), (first, "hit-memory", vec![SIMILAR.to_owned()]));
    assert_eq!(house.whole(&caller(PATIENCE), &plain(AGAIN)).await.1.cache, "miss", "a whole answer is another");

    let house = House::new(&semantic(&upstream, "verify = 1.0"));
    for text in [AUSTRIA, AGAIN] {
        assert_eq!(house.streamed(&caller(PATIENCE), &streamed(text)).await.1.cache, "miss");
    }
    let state = verified(&house, 1).await;
    assert_eq!((state.verified, state.wrong), (1, 1), "they are numbered, so the second says something else");
}

#[tokio::test]
async fn a_stream_is_remembered_once_its_answer_is_kept() {
    let upstream = colliding().await;
    let house = House::new(&semantic(&upstream, ""));
    let streamed = |text: &str| about(text, &json!({ "stream": true }));
    let questions = || house.matrix.answers().unwrap().similar().unwrap().questions;
    let first = opened(&house, &caller(PATIENCE), &streamed(AUSTRIA)).await;
    let second = opened(&house, &caller(PATIENCE), &streamed(AGAIN)).await;
    assert_eq!(questions(), 0, "nothing is kept yet");
    read(first).await.unwrap();
    read(second).await.unwrap();
    assert_eq!(questions(), 2);
    let (_, report) = house.streamed(&caller(PATIENCE), &streamed("The capital of Austria?")).await;
    assert_eq!(report.reasons, [SIMILAR]);
    // A reader who leaves early lets nothing be kept.
    drop(opened(&house, &caller(PATIENCE), &streamed("What is the capital of Australia?")).await);
    assert_eq!(questions(), 2);
}

#[tokio::test]
async fn a_question_whose_answer_is_too_large_is_not_remembered() {
    let upstream = colliding_saying(|_| "a long answer ".repeat(100)).await;
    let house = House::new(
        &semantic(&upstream, "").replace("[cache.semantic]", "[cache]\nentry_bytes_max = 1000\n[cache.semantic]"),
    );
    house.whole(&caller(PATIENCE), &plain(AUSTRIA)).await;
    assert_eq!(house.matrix.answers().unwrap().similar().unwrap().questions, 0);
}

#[tokio::test]
async fn vectors_of_another_provider_are_not_compared() {
    let upstream = colliding().await;
    let text = semantic(&upstream, "model = \"b/m\"") + &provider("b", &upstream.url());
    let house = House::new(&text);
    house.whole(&caller(PATIENCE), &plain(AUSTRIA)).await;
    house.matrix.reload(&settings(&(text.clone() + "headers = { x = \"y\" }\n"))).unwrap();
    assert_eq!(house.whole(&caller(PATIENCE), &plain(AGAIN)).await.1.cache, "miss");
    house.matrix.reload(&settings(&text)).unwrap();
    assert_eq!(house.whole(&caller(PATIENCE), &plain("The capital of Austria?")).await.1.reasons, [SIMILAR]);
}

#[tokio::test]
async fn the_wait_for_a_vector_is_not_this_servers() {
    let wait = Duration::from_millis(100);
    let upstream = Upstream::start(move |seen| match seen.path.ends_with("/embeddings") {
        true => Reply::json(200, &json!({ "data": [{ "index": 0, "embedding": [1.0, 0.0] }] })).after(wait),
        false => Reply::chat_stream(&["an answer"]),
    })
    .await;
    let house = House::new(&semantic(&upstream, ""));
    let streamed = |text: &str| about(text, &json!({ "stream": true }));
    house.streamed(&caller(PATIENCE), &streamed(AUSTRIA)).await;
    let asked = house.matrix.ask(&caller(PATIENCE), &streamed(AGAIN)).await;
    let Ok(Outcome::Stream { report, waited, .. }) = asked else { panic!("no stream") };
    assert_eq!(report.reasons, [SIMILAR]);
    assert!(waited >= wait, "{waited:?}");
}

#[tokio::test]
async fn an_answer_that_is_gone_is_none_for_a_similar_question() {
    let upstream = colliding().await;
    let house = House::new(&semantic(&upstream, ""));
    let mut tagged = caller(PATIENCE);
    tagged.wishes.tags = ["red".into()].into();
    house.whole(&tagged, &plain(AUSTRIA)).await;
    let answers = house.matrix.answers().unwrap();
    answers.forget(Scope { tenant: None, tag: Some("red".into()) }).await;
    assert_eq!(house.whole(&caller(PATIENCE), &plain(AGAIN)).await.1.cache, "miss");
    assert_eq!(answers.similar().unwrap().questions, 1, "the one whose answer is gone is forgotten");
    let (_, report) = house.whole(&caller(PATIENCE), &plain(AUSTRIA)).await;
    assert_eq!(report.reasons, [SIMILAR]);
    // It ends with the answer that it leans on, and keeps none of its own.
    house.now_ms.fetch_add(700_000, Ordering::Relaxed);
    assert_eq!(house.whole(&caller(PATIENCE), &plain(AUSTRIA)).await.1.cache, "miss");
    answers.forget(Scope::default()).await;
    assert_eq!(answers.similar().unwrap().questions, 0);
}

#[tokio::test]
async fn an_old_answer_is_renewed_by_its_model_and_not_by_a_similar_one() {
    for tiers in ["", "memory_mb = 0\ndisk_mb = 4\n"] {
        for stream in [false, true] {
            renewed_by_its_model(tiers, stream).await;
        }
    }
}

async fn renewed_by_its_model(tiers: &str, stream: bool) {
    let upstream = colliding().await;
    let keys = format!("[cache]\nttl_s = 10\nstale_s = 100\n{tiers}[cache.semantic]");
    let of_similar = semantic(&upstream, "verify = 1.0\nerrors_max = 1.0");
    let mut house = House::new(&of_similar.replace("[cache.semantic]", &keys));
    let ask = async |house: &House, text: &str| match stream {
        true => house.streamed(&caller(PATIENCE), &about(text, &json!({ "stream": true }))).await.1,
        false => house.whole(&caller(PATIENCE), &plain(text)).await.1,
    };
    for text in [AUSTRIA, AGAIN] {
        ask(&house, text).await;
    }
    house.keeper.settle().await;
    house.matrix.reload(&settings(&house.text.replace("verify = 1.0", "verify = 0.0"))).unwrap();
    house.now_ms.fetch_add(20_000, Ordering::Relaxed);
    ask(&house, "The capital of Austria?").await;
    house.keeper.settle().await;
    let report = ask(&house, AUSTRIA).await;
    assert_eq!(report.reasons.len(), 1, "{:?}", report.reasons);
    let before = chats(&upstream);
    let _ = tokio::time::timeout(Duration::from_millis(500), house.keeper.run()).await;
    assert_eq!(chats(&upstream), before + 1);
    assert!(ask(&house, AUSTRIA).await.reasons.is_empty());
}

#[tokio::test]
async fn who_wants_an_answer_of_its_own_gets_and_keeps_one() {
    let upstream = colliding().await;
    let house = House::new(&semantic(&upstream, ""));
    house.whole(&caller(PATIENCE), &plain(AUSTRIA)).await;
    for cache in ["miss", "hit-memory"] {
        let (_, report) = house.whole(&asked_for(Kept::Own), &plain(AGAIN)).await;
        assert_eq!((report.cache, report.reasons.len()), (cache, 0));
    }
    let state = house.matrix.answers().unwrap().similar().unwrap();
    assert_eq!((state.questions, state.hits), (2, 0), "it is remembered for others");
}

#[tokio::test]
async fn a_panel_has_its_report_told_again() {
    let upstream = colliding().await;
    let panel = panel_saying(&[("42", 0), ("42", 0), ("7", 0)], "");
    let house = House::new(&(panel + &semantic(&upstream, "")));
    let of_panel = |text: &str| about(text, &json!({ "model": "p" }));
    let (first, told) = house.whole(&caller(PATIENCE), &of_panel(AUSTRIA)).await;
    let (again, report) = house.whole(&caller(PATIENCE), &of_panel(AGAIN)).await;
    assert_eq!((first, "hit-memory", true), (again, report.cache, report.reasons.contains(&SIMILAR.to_owned())));
    assert_eq!(serde_json::to_string(&report.agreement).unwrap(), serde_json::to_string(&told.agreement).unwrap());
}
