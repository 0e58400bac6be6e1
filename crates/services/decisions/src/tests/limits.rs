//! Every limit, tripped.

use super::{Bench, code, criterion, new, option, root, user};
use crate::{CriterionChange, DecisionError, DocketError, GivenScore, NewCriterion, NewDecision, NewOption};
use fault::Explain;

async fn refused(bench: &Bench, new: NewDecision) -> String {
    let error = bench.room.start(&root(), new).await.unwrap_err();
    format!("{}: {error}", code(&error))
}

fn with(change: impl FnOnce(&mut NewDecision)) -> NewDecision {
    let mut new = new(&["Ash", "Elm"], &["Price"]);
    change(&mut new);
    new
}

#[tokio::test]
async fn what_is_too_much_or_too_little_is_refused_by_its_limit() {
    let bench = Bench::sqlite().await;
    let many = |count: usize| (0..count).map(|at| option(&format!("o{at}"))).collect::<Vec<_>>();
    let criteria = |count: usize| (0..count).map(|at| criterion(&format!("c{at}"))).collect::<Vec<_>>();
    let long = |chars: usize| "é".repeat(chars);
    let weighs = |weight: f64| NewCriterion { weight, ..criterion("x") };
    for (new, expected) in [
        (with(|it| it.options = many(1)), "limit_exceeded: `options` holds 1, and a decision needs at least 2"),
        (with(|it| it.options = many(21)), "limit_exceeded: there would be 21 options, and at most 20 may be"),
        (with(|it| it.criteria = criteria(16)), "limit_exceeded: there would be 16 criteria, and at most 15 may be"),
        (with(|it| it.topic = long(501)), "limit_exceeded: the topic has 501 characters, and at most 500 may be"),
        (with(|it| it.topic = " \n".into()), "invalid_arguments: the topic is empty"),
        (with(|it| it.topic = "a\0b".into()), "invalid_arguments: the topic holds the character U+0000"),
        (
            with(|it| it.options[0].name = long(201)),
            "limit_exceeded: the name of the option has 201 characters, and at most 200 may be",
        ),
        (with(|it| it.options[0].name = String::new()), "invalid_arguments: the name of the option is empty"),
        (
            with(|it| it.criteria[0].name = long(101)),
            "limit_exceeded: the name of the criterion has 101 characters, and at most 100 may be",
        ),
        (
            with(|it| it.criteria[0].description = long(1_001)),
            "limit_exceeded: the description has 1001 characters, and at most 1000 may be",
        ),
        (
            with(|it| it.options[0].description = long(1_001)),
            "limit_exceeded: the description has 1001 characters, and at most 1000 may be",
        ),
        (
            with(|it| it.criteria[0].custom_prompt = Some(long(2_001))),
            "limit_exceeded: the custom prompt has 2001 characters, and at most 2000 may be",
        ),
        (with(|it| it.criteria = vec![weighs(0.09)]), "invalid_arguments: `weight` is `0.09`"),
        (with(|it| it.criteria = vec![weighs(10.01)]), "invalid_arguments: `weight` is `10.01`"),
        (with(|it| it.criteria = vec![weighs(f64::NAN)]), "invalid_arguments: `weight` is `NaN`"),
        (with(|it| it.temperature = Some(2.1)), "invalid_arguments: `temperature` is `2.1`"),
        (
            with(|it| it.options = vec![option("Ash"), option(" aSH ")]),
            "duplicate_name: the option `aSH` is there already; names differ in more than case",
        ),
        (
            with(|it| it.criteria = vec![criterion("Price"), criterion("PRICE")]),
            "duplicate_name: the criterion `PRICE` is there already; names differ in more than case",
        ),
    ] {
        assert_eq!(refused(&bench, new).await, expected);
    }
    // At the limits all is well.
    let most = NewDecision { options: many(20), criteria: criteria(15), topic: long(500), ..new(&[], &[]) };
    let decision = bench.room.start(&root(), most).await.unwrap();
    assert_eq!((decision.options.len(), decision.criteria.len()), (20, 15));
    let error = bench.room.add_option(&root(), &decision.id, option("one more"), None).await.unwrap_err();
    assert_eq!(error.hint().unwrap(), "an operator can set `decisions.options_max`");
    let error = bench.room.add_criterion(&root(), &decision.id, criterion("one more"), None).await.unwrap_err();
    assert_eq!(error.hint().unwrap(), "an operator can set `decisions.criteria_max`");
}

#[tokio::test]
async fn limits_can_be_raised_with_a_warning() {
    let bench = Bench::with("options_max = 60\ncriteria_max = 30").await;
    let options: Vec<String> = (0..50).map(|at| format!("o{at}")).collect();
    let criteria: Vec<String> = (0..25).map(|at| format!("c{at}")).collect();
    let named = |names: &[String]| names.iter().map(|name| option(name)).collect::<Vec<NewOption>>();
    let criteria = criteria.iter().map(|name| criterion(name)).collect();
    let new = NewDecision { options: named(&options), criteria, ..new(&[], &[]) };
    let decision = bench.room.start(&root(), new).await.unwrap();
    assert_eq!((decision.options.len(), decision.criteria.len()), (50, 25));
    assert!(settings::Decisions::default().warnings().is_empty());
    assert!(bench.settings.decisions.warnings()[0].contains("1800 questions"));
}

#[tokio::test]
async fn changes_keep_to_the_limits_too() {
    let bench = Bench::sqlite().await;
    let id = bench.start(&["Ash", "Elm"], &["Price", "Looks"]).await.id;
    let room = &bench.room;
    let twice = room.add_option(&root(), &id, option("ASH"), None).await.unwrap_err();
    assert_eq!(code(&twice), "duplicate_name");
    let twice = room.add_criterion(&root(), &id, criterion("price"), None).await.unwrap_err();
    assert_eq!(code(&twice), "duplicate_name");
    let change = |weight| CriterionChange { weight: Some(weight), ..CriterionChange::default() };
    let heavy = room.change_criterion(&root(), &id, "Price", change(11.0), None).await.unwrap_err();
    assert_eq!((code(&heavy), heavy.to_string().as_str()), ("invalid_arguments", "`weight` is `11`"));
    let taken = CriterionChange { name: Some("LOOKS".into()), ..CriterionChange::default() };
    let taken = room.change_criterion(&root(), &id, "Price", taken, None).await.unwrap_err();
    assert_eq!(code(&taken), "duplicate_name");
    let own = CriterionChange { name: Some("PRICE".into()), ..CriterionChange::default() };
    let renamed = room.change_criterion(&root(), &id, "Price", own, None).await.unwrap();
    assert_eq!(renamed.criteria[0].name, "PRICE", "its own name in another case is no other");
    let unknown = room.change_criterion(&root(), &id, "Pice", change(1.0), None).await.unwrap_err();
    assert!(unknown.hint().unwrap().contains("`PRICE`"), "{:?}", unknown.hint());
    let few = room.remove_option(&root(), &id, "Ash", None).await.unwrap_err();
    assert_eq!(code(&few), "limit_exceeded");
    let given = |score| GivenScore { option: "Ash".into(), criterion: "Looks".into(), score, ..GivenScore::default() };
    for (scores, expected) in [
        (vec![given(Some(0.9))], "`score` is `0.9`"),
        (vec![given(Some(10.1))], "`score` is `10.1`"),
        (vec![given(Some(5.0)), given(None)], "`Ash × Looks` is scored twice"),
        (vec![GivenScore { confidence: Some(1.5), ..given(None) }], "`confidence` is `1.5`"),
        (vec![GivenScore { option: "Oak".into(), ..given(None) }], "there is no option `Oak` in this session"),
    ] {
        assert_eq!(room.score(&root(), &id, scores, None).await.unwrap_err().to_string(), expected);
    }
    assert!(room.get(&root(), &id).await.unwrap().pairs.is_empty(), "all or none");
    let long = GivenScore { justification: "x".repeat(3_000), ..given(Some(5.0)) };
    let kept = room.score(&root(), &id, vec![long], None).await.unwrap();
    assert_eq!(kept.pairs[0].justification.chars().count(), 2_000);
}

#[tokio::test]
async fn what_is_anothers_or_nobodys_reads_the_same() {
    let bench = Bench::sqlite().await;
    let id = bench.start(&["Ash", "Elm"], &["Price"]).await.id;
    let stranger = user("acme");
    let foreign = bench.room.get(&stranger, &id).await.unwrap_err();
    let nobodys = bench.room.get(&stranger, "dec_0").await.unwrap_err();
    assert_eq!((code(&foreign), foreign.hint()), (code(&nobodys), nobodys.hint()));
    for error in [
        bench.room.add_option(&stranger, &id, option("Oak"), None).await.map(drop).unwrap_err(),
        bench.room.remove(&stranger, &id, None).await.unwrap_err(),
        bench.room.score(&stranger, &id, Vec::new(), None).await.map(drop).unwrap_err(),
        bench.room.watch(&stranger, &id).await.map(drop).unwrap_err(),
        bench.room.result(&stranger, &id, crate::Look::default()).await.map(drop).unwrap_err(),
        bench.room.evaluate(&super::caller(&stranger), &id, crate::Evaluate::default()).await.map(drop).unwrap_err(),
        // Whatever else is wrong, the session is told first.
        bench.room.add_option(&stranger, &id, option(""), None).await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, DecisionError::Kept(DocketError::UnknownSession { .. })), "{error:?}");
    }
    assert!(bench.room.list(&stranger, None, None).await.unwrap().entries.is_empty());
    assert_eq!(bench.room.clear(&stranger).await.unwrap(), 0);
    let slip = id.replace(&id[30..31], if &id[30..31] == "0" { "1" } else { "0" });
    let near = bench.room.get(&root(), &slip).await.unwrap_err();
    assert_eq!(near.hint().unwrap(), format!("did you mean `{id}`?"));
    let far = bench.room.get(&root(), "something-else").await.unwrap_err();
    assert!(far.hint().unwrap().contains("list_sessions"), "{:?}", far.hint());
}

#[tokio::test]
async fn a_decision_without_criteria_is_not_evaluated() {
    let bench = Bench::sqlite().await;
    let id = bench.start(&["Ash", "Elm"], &[]).await.id;
    let asks = super::caller(&root());
    let error = bench.room.evaluate(&asks, &id, crate::Evaluate::default()).await.unwrap_err();
    assert_eq!(
        (code(&error), error.to_string()),
        ("nothing_to_evaluate", format!("`{id}` has no criterion to judge by"))
    );
    assert_eq!(error.hint().unwrap(), "add at least one criterion with `add_criterion`");
    assert!(!bench.room.get(&root(), &id).await.unwrap().evaluating);
}
