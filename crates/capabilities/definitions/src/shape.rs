//! Whether a schema can be checked against in bounded time, and which values can, before anybody tries.
//!
//! Cycles are fine where each round goes into a member or an item of the value. A schema that refers to itself in place has
//! no meaning. One that sends a member to several schemas which do the same again multiplies with every level: how often
//! the schema is gone through on the way to a value of some depth is reckoned here once, for all keywords together, and each
//! value is weighed with that before it is checked. Knows nothing of who checks.

use crate::text::percent_decoded;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// How deep schemas may lie within each other.
const DEPTH_MAX: usize = 64;
/// How many schemas one may stand for, where those it refers to in place are counted each time.
const EXPANDED_MAX: u64 = 20_000;
/// How many schemas may be gone through on the way to one value at the bottom.
const PATHS_MAX: u64 = 100_000;
/// How many schemas may be gone through for a whole value.
const WORK_MAX: u64 = 20_000_000;
/// Up to here, what is wrong is looked for place by place.
const TOLD_MAX: u64 = 100_000;
/// The deepest value that is checked at all.
const VALUE_DEPTH_MAX: usize = 64;
/// Values nest; a schema that is too much above this depth is refused as a whole.
const VALUE_DEPTH_LEAST: usize = 4;
/// So many bytes of text, or values of an `enum`, are as much work as one more schema.
const BYTES_PER_STEP: usize = 64;

/// Keywords whose schema is for the same value.
const IN_PLACE: [&str; 4] = ["not", "if", "then", "else"];
/// Keywords whose list of schemas is for the same value.
const IN_PLACE_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords with named schemas for the same value.
const IN_PLACE_MAPS: [&str; 2] = ["dependentSchemas", "dependencies"];
/// Keywords whose schema is for members, or for their names.
const MEMBERS: [&str; 3] = ["additionalProperties", "unevaluatedProperties", "propertyNames"];
/// Keywords whose schema is for items; `items` may be a list.
const ITEMS: [&str; 4] = ["items", "additionalItems", "contains", "unevaluatedItems"];
/// Keywords that go through everything in place once more to see what is left.
const ONCE_MORE: [&str; 2] = ["unevaluatedProperties", "unevaluatedItems"];
/// Keywords whose target depends on the way that led to them.
const DYNAMIC: [&str; 2] = ["$dynamicRef", "$recursiveRef"];

/// What a schema is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// How deep a value may nest to be checked.
    pub value_depth_max: usize,
    /// How many schemas are gone through on the way to a value, by its depth.
    paths: Vec<u64>,
}

/// What checking a value would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Little: what is wrong can be told place by place.
    Light,
    /// Much: whether it fits can be told, and no more.
    Heavy,
    /// It nests deeper than it may.
    TooDeep,
    /// More than is done.
    TooMuch,
}

impl Shape {
    /// What it takes to check a value.
    pub(crate) fn weigh(&self, value: &Value) -> Weight {
        if depth_of(value, self.value_depth_max + 1) > self.value_depth_max {
            return Weight::TooDeep;
        }
        let mut steps = vec![0_u64; self.value_depth_max + 2];
        count(value, &mut steps);
        let last = self.paths.last().copied().unwrap_or(1);
        let at = |depth: usize| self.paths.get(depth).copied().unwrap_or(last);
        let work = steps
            .iter()
            .enumerate()
            .fold(0_u64, |sum, (depth, count)| sum.saturating_add(count.saturating_mul(at(depth))));
        if work <= TOLD_MAX {
            Weight::Light
        } else if work <= WORK_MAX {
            Weight::Heavy
        } else {
            Weight::TooMuch
        }
    }
}

/// Adds what lies how deep.
fn count(value: &Value, steps: &mut [u64]) {
    let Some((here, below)) = steps.split_first_mut() else { return };
    let long = |text: &str| (text.len() / BYTES_PER_STEP) as u64;
    *here += 1;
    match value {
        Value::String(text) => *here += long(text),
        Value::Array(items) => items.iter().for_each(|it| count(it, below)),
        Value::Object(members) => members.iter().for_each(|(name, it)| {
            *here += long(name);
            count(it, below);
        }),
        _ => {}
    }
}

/// Looks at a schema.
///
/// # Errors
/// Why nothing can be checked against it.
pub fn shape(schema: &Value) -> Result<Shape, String> {
    let mut look = Look { root: schema, order: Vec::new(), known: HashMap::new(), bases: false, refers: false };
    look.walk(schema, 0)?;
    look.collect()?;
    if look.bases && look.refers {
        return Err("its schema has an `$id` inside, which changes where its references lead".to_owned());
    }
    let parts = look.order.iter().map(|it| look.part(it)).collect::<Result<Vec<_>, _>>()?;
    let root = look.known.get(&std::ptr::from_ref(schema)).copied().flatten().unwrap_or_default();
    levels(&parts, root)
}

/// How much is gone through, level by level.
fn levels(parts: &[Part], root: usize) -> Result<Shape, String> {
    let mut below = vec![0_u64; parts.len()];
    let mut paths = Vec::new();
    for depth in 0..=VALUE_DEPTH_MAX + 1 {
        let of = |kind: fn(&Part, &[u64]) -> u64| {
            parts.iter().fold(Vec::with_capacity(parts.len()), |mut done: Vec<u64>, part| {
                done.push(part.steps(&done, kind(part, &below)));
                done
            })
        };
        // A value is an object or a list, and each has its keywords.
        let here: Vec<u64> = of(Part::member).into_iter().zip(of(Part::item)).map(|(a, b)| a.max(b)).collect();
        if depth == 0 && here.iter().any(|steps| *steps > EXPANDED_MAX) {
            return Err(format!("its schema stands for more than {EXPANDED_MAX} schemas at one place"));
        }
        let steps = here.get(root).copied().unwrap_or(1);
        if steps > PATHS_MAX {
            break;
        }
        paths.push(steps);
        if here == below {
            // Deeper values meet nothing more.
            return Ok(Shape { value_depth_max: VALUE_DEPTH_MAX, paths });
        }
        below = here;
    }
    let value_depth_max = paths.len().saturating_sub(1).min(VALUE_DEPTH_MAX);
    if value_depth_max < VALUE_DEPTH_LEAST {
        return Err(format!(
            "its schema multiplies: a value {VALUE_DEPTH_LEAST} deep meets more than {PATHS_MAX} schemas"
        ));
    }
    Ok(Shape { value_depth_max, paths })
}

/// Where a schema sends a value and its parts, as places in the order in which schemas were met.
#[derive(Debug, Default)]
struct Part {
    /// What it takes by itself.
    own: u64,
    /// How often everything in place is gone through.
    times: u64,
    in_place: Vec<usize>,
    /// Of these, one meets a member.
    named: Vec<usize>,
    /// All of these meet it.
    members: Vec<usize>,
    /// Of these, one meets an item.
    placed: Vec<usize>,
    /// All of these meet it.
    items: Vec<usize>,
}

impl Part {
    /// Steps for a value and for one chain of values within it; `here` is what those in place take, `inside` what the parts of
    /// the value do.
    fn steps(&self, here: &[u64], inside: u64) -> u64 {
        self.own.saturating_add(sum(here, &self.in_place).saturating_add(inside).saturating_mul(self.times))
    }

    /// Steps for a member.
    fn member(&self, below: &[u64]) -> u64 {
        most(below, &self.named).saturating_add(sum(below, &self.members))
    }

    /// Steps for an item.
    fn item(&self, below: &[u64]) -> u64 {
        most(below, &self.placed).saturating_add(sum(below, &self.items))
    }
}

fn at(all: &[u64], place: usize) -> u64 {
    all.get(place).copied().unwrap_or(u64::MAX)
}

fn sum(all: &[u64], places: &[usize]) -> u64 {
    places.iter().fold(0, |sum, place| sum.saturating_add(at(all, *place)))
}

fn most(all: &[u64], places: &[usize]) -> u64 {
    places.iter().map(|place| at(all, *place)).max().unwrap_or(0)
}

struct Look<'a> {
    root: &'a Value,
    /// Schemas, each after all that stand in it for the same value.
    order: Vec<&'a Value>,
    /// Their places in that order, by address; none yet for those that are being looked at.
    known: HashMap<*const Value, Option<usize>>,
    /// Whether a schema inside gives itself an address.
    bases: bool,
    /// Whether any refers to another.
    refers: bool,
}

impl<'a> Look<'a> {
    /// Everything in the schema once: its depth and its references.
    fn walk(&mut self, schema: &'a Value, depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX * 2 {
            return Err(format!("its schema nests deeper than {DEPTH_MAX}"));
        }
        match schema {
            Value::Object(members) => {
                if let Some(keyword) = DYNAMIC.iter().find(|key| members.get(**key).is_some_and(Value::is_string)) {
                    return Err(format!(
                        "its schema has a `{keyword}`, of which nobody can tell where it leads; use `$ref`"
                    ));
                }
                if let Some(Value::String(to)) = members.get("$ref") {
                    self.refers = true;
                    self.target(to)?;
                }
                let address =
                    |key: &str| members.get(key).and_then(Value::as_str).is_some_and(|it| !it.starts_with('#'));
                self.bases |= depth > 0 && (address("$id") || (address("id") && self.is_old()));
                members.values().try_for_each(|it| self.walk(it, depth + 1))
            }
            Value::Array(items) => items.iter().try_for_each(|it| self.walk(it, depth + 1)),
            _ => Ok(()),
        }
    }

    /// Whether an `id` is an address, as in the draft of 2013.
    fn is_old(&self) -> bool {
        self.root.get("$schema").and_then(Value::as_str).is_some_and(|it| it.contains("draft-04"))
    }

    fn target(&self, to: &str) -> Result<&'a Value, String> {
        let cut = || crate::text::cut(to, 60);
        let pointer = to.strip_prefix('#').ok_or_else(|| format!("its schema refers to `{}`, outside of it", cut()))?;
        let decoded = percent_decoded(pointer);
        let found = if decoded.is_empty() || decoded.starts_with('/') { self.root.pointer(&decoded) } else { None };
        found.ok_or_else(|| format!("its schema refers to `{}`, which is not there", cut()))
    }

    /// All schemas that values may meet.
    fn collect(&mut self) -> Result<(), String> {
        let mut waiting = vec![self.root];
        let mut at = 0;
        while let Some(next) = waiting.pop() {
            self.meet(next, 0)?;
            while let Some(met) = self.order.get(at) {
                at += 1;
                let all = met.as_object().into_iter().flat_map(below);
                waiting.extend(all.filter(|it| !self.known.contains_key(&std::ptr::from_ref(*it))));
            }
        }
        Ok(())
    }

    /// One schema, after all that stand in it for the same value.
    fn meet(&mut self, schema: &'a Value, depth: usize) -> Result<(), String> {
        let place = std::ptr::from_ref(schema);
        match self.known.get(&place) {
            Some(Some(_)) => return Ok(()),
            Some(None) => return Err("its schema refers to itself in place".to_owned()),
            None if depth > DEPTH_MAX => return Err(format!("its schema nests deeper than {DEPTH_MAX}")),
            None => {}
        }
        self.known.insert(place, None);
        if let Value::Object(members) = schema {
            for part in self.same(members)? {
                self.meet(part, depth + 1)?;
            }
        }
        self.known.insert(place, Some(self.order.len()));
        self.order.push(schema);
        Ok(())
    }

    /// The schemas that a schema has for the same value.
    fn same(&self, members: &'a Map<String, Value>) -> Result<Vec<&'a Value>, String> {
        let single = IN_PLACE.iter().filter_map(|key| members.get(*key));
        let lists = IN_PLACE_LISTS.iter().filter_map(|key| members.get(*key)?.as_array()).flatten();
        let maps = IN_PLACE_MAPS.iter().filter_map(|key| members.get(*key)?.as_object()).flat_map(Map::values);
        let to = members.get("$ref").and_then(Value::as_str).map(|to| self.target(to)).transpose()?;
        Ok(single.chain(lists).chain(maps).chain(to).collect())
    }

    fn part(&self, schema: &'a Value) -> Result<Part, String> {
        let Value::Object(members) = schema else { return Ok(Part { own: 1, ..Part::default() }) };
        let place = |it: &Value| self.known.get(&std::ptr::from_ref(it)).copied().flatten();
        let places = |all: Vec<&Value>| all.into_iter().filter_map(place).collect::<Vec<_>>();
        let length = |key: &str| members.get(key).and_then(Value::as_array).map_or(0, Vec::len);
        let again = ONCE_MORE.iter().any(|key| members.contains_key(*key));
        let same = self.same(members)?;
        Ok(Part {
            own: 1 + ((length("enum") + length("required")) / BYTES_PER_STEP) as u64,
            times: if again { 2 + same.len() as u64 } else { 1 },
            in_place: places(same),
            named: places(maps(members, "properties").collect()),
            members: places(maps(members, "patternProperties").chain(of(members, &MEMBERS)).collect()),
            placed: places(lists(members).collect()),
            items: places(of(members, &ITEMS).collect()),
        })
    }
}

fn of<'a>(members: &'a Map<String, Value>, keys: &'a [&str]) -> impl Iterator<Item = &'a Value> {
    keys.iter().filter_map(|key| members.get(*key)).filter(|it| !it.is_array())
}

fn maps<'a>(members: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    members.get(key).and_then(Value::as_object).into_iter().flat_map(Map::values)
}

fn lists(members: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    ["prefixItems", "items"].into_iter().filter_map(|key| members.get(key)?.as_array()).flatten()
}

/// The schemas that a schema has for parts of the value.
fn below(members: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let named = maps(members, "properties").chain(maps(members, "patternProperties"));
    named.chain(of(members, &MEMBERS)).chain(of(members, &ITEMS)).chain(lists(members))
}

/// How deep a value nests, looked at no deeper than a bound.
pub(crate) fn depth_of(value: &Value, most: usize) -> usize {
    let inner = |it: &Value| if most == 0 { 0 } else { depth_of(it, most - 1) };
    match value {
        Value::Object(members) => 1 + members.values().map(inner).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(inner).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(schema: &Value, expect: Result<usize, &str>) {
        assert_eq!(shape(schema).map(|it| it.value_depth_max), expect.map_err(str::to_owned), "{schema}");
    }

    #[test]
    fn cycles_through_members_are_fine_and_cycles_in_place_are_not() {
        let node = json!({ "properties": { "next": { "$ref": "#" } } });
        check(&node, Ok(64));
        let value = json!({ "$ref": "#/$defs/v", "$defs": { "v": {
            "anyOf": [{ "type": "string" }, { "items": { "$ref": "#/$defs/v" } },
                      { "additionalProperties": { "$ref": "#/$defs/v" } }] } } });
        check(&value, Ok(64));
        let itself = "its schema refers to itself in place";
        check(&json!({ "$ref": "#" }), Err(itself));
        let pair = json!({ "$ref": "#/$defs/a", "$defs": {
            "a": { "allOf": [{ "$ref": "#/$defs/b" }] }, "b": { "not": { "$ref": "#/$defs/a" } } } });
        check(&pair, Err(itself));
        let hidden =
            json!({ "properties": { "x": { "$ref": "#/$defs/a" } }, "$defs": { "a": { "$ref": "#/$defs/a" } } });
        check(&hidden, Err(itself));
    }

    #[test]
    fn what_multiplies_is_refused() {
        let defs: Map<String, Value> = (0..30)
            .map(|at| {
                let next = json!({ "$ref": format!("#/$defs/d{}", at + 1) });
                (format!("d{at}"), if at == 29 { json!({}) } else { json!({ "allOf": [next, next] }) })
            })
            .collect();
        let bomb = json!({ "$ref": "#/$defs/d0", "$defs": defs });
        check(&bomb, Err("its schema stands for more than 20000 schemas at one place"));
    }

    /// A value that nests so deep in a member `n`.
    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!({}), |inner, _| json!({ "n": inner }))
    }

    #[test]
    fn what_multiplies_with_every_level_bounds_the_depth() {
        let node = json!({ "$ref": "#" });
        let twice = json!({ "anyOf": [{ "required": ["a"], "$ref": "#" }, { "required": ["b"], "$ref": "#" }] });
        let four = json!({ "anyOf": [twice, twice] });
        let pattern = json!({ "patternProperties": { "n": node } });
        for (schema, most) in [
            (json!({ "properties": { "n": node }, "patternProperties": { "n": node } }), 15),
            (json!({ "properties": { "n": node }, "allOf": [pattern] }), 15),
            (json!({ "properties": { "n": four } }), 8),
            (json!({ "properties": { "n": { "oneOf": [twice, { "not": node }] } } }), 10),
            (json!({ "items": node, "contains": node, "prefixItems": [node], "unevaluatedItems": node }), 8),
            (json!({ "properties": { "n": node }, "unevaluatedProperties": false }), 16),
            (json!({ "properties": { "n": node }, "dependentSchemas": { "x": { "properties": { "n": node } } } }), 15),
            (
                json!({ "properties": { "n": node }, "if": { "properties": { "n": node } }, "then": { "properties": { "n": node } } }),
                10,
            ),
        ] {
            let shape = shape(&schema).unwrap();
            assert!((VALUE_DEPTH_LEAST..=most).contains(&shape.value_depth_max), "{schema} {}", shape.value_depth_max);
            assert_eq!(shape.weigh(&nested(40)), Weight::TooDeep, "{schema}");
        }
        let many: Vec<&Value> = std::iter::repeat_n(&node, 100).collect();
        let wide = json!({ "properties": { "n": { "anyOf": many } } });
        assert!(shape(&wide).unwrap_err().starts_with("its schema multiplies"));
    }

    #[test]
    fn values_are_weighed() {
        let shape = shape(&json!({ "properties": { "n": { "items": { "type": "number" } } } })).unwrap();
        assert_eq!(shape.weigh(&json!({ "n": vec![1; 100] })), Weight::Light);
        assert_eq!(shape.weigh(&json!({ "n": vec![1; 100_000] })), Weight::Heavy);
        let many = vec![json!({ "maximum": 0 }); 1_000];
        let wide = super::shape(&json!({ "items": { "anyOf": many } })).unwrap();
        assert_eq!(wide.weigh(&json!(vec![1; 30_000])), Weight::TooMuch);
        assert_eq!(wide.weigh(&json!(["x".repeat(BYTES_PER_STEP * 30_000)])), Weight::TooMuch);
    }

    #[test]
    fn what_leads_nobody_knows_where_is_refused() {
        for (schema, why) in [
            (json!({ "properties": { "n": { "$dynamicRef": "#x" } } }), "its schema has a `$dynamicRef`"),
            (json!({ "properties": { "n": { "$recursiveRef": "#" } } }), "its schema has a `$recursiveRef`"),
            (json!({ "properties": { "n": { "$id": "other", "$ref": "#" } } }), "its schema has an `$id` inside"),
        ] {
            assert!(shape(&schema).unwrap_err().starts_with(why), "{schema}");
        }
        check(&json!({ "$id": "https://a.example/s", "properties": { "n": { "$id": "#/n", "$ref": "#" } } }), Ok(64));
        check(&json!({ "properties": { "n": { "$id": "https://a.example/n" } } }), Ok(64));
    }

    #[test]
    fn references_lead_to_what_is_there() {
        check(
            &json!({ "$ref": "https://a.example/x" }),
            Err("its schema refers to `https://a.example/x`, outside of it"),
        );
        check(&json!({ "$ref": "#/$defs/a" }), Err("its schema refers to `#/$defs/a`, which is not there"));
        check(&json!({ "$ref": "#/$defs/a%20b", "$defs": { "a b": {} } }), Ok(64));
        let mut deep = json!({});
        for _ in 0..300 {
            deep = json!({ "items": deep });
        }
        assert!(shape(&deep).unwrap_err().contains("nests deeper"));
    }

    #[test]
    fn values_have_a_depth() {
        assert_eq!(depth_of(&json!(1), 9), 0);
        assert_eq!(depth_of(&json!({ "a": [[1]] }), 9), 3);
        assert_eq!(depth_of(&json!([[[[1]]]]), 2), 3);
    }
}
