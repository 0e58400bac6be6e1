//! Floors: a room uses only rooms on lower floors. `testkit` serves tests alone, and nobody uses `xtask`.

use super::Violation;
use crate::workspace::{Member, Use, Workspace, line_of, within};

/// The floors with rooms, bottom-up. The binary stands above them all.
const FLOORS: [&str; 8] =
    ["bedrock", "foundation", "dialects", "resources", "capabilities", "engines", "services", "doors"];

/// Where a crate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Floor(usize),
    Binary,
    Testkit,
    Xtask,
}

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    workspace.members.iter().flat_map(|member| check_member(workspace, member)).collect()
}

fn check_member(workspace: &Workspace, member: &Member) -> Vec<Violation> {
    let Some(place) = place(member) else {
        let message = format!("`{}` stands on no floor: move it to `crates/FLOOR/ROOM`", member.name);
        return vec![Violation::new(member.manifest(), 1, message)];
    };
    let refused = |used: &Use| {
        let target = workspace.members.iter().find(|other| other.name == used.name)?;
        let message = refusal(member, place, used, self::place(target)?)?;
        Some(Violation::new(member.manifest(), line(workspace, member, &used.name), message))
    };
    member.uses.iter().filter_map(refused).collect()
}

fn place(member: &Member) -> Option<Place> {
    match member.dir.as_str() {
        "xtask" | "bench" => return Some(Place::Xtask),
        "crates/testkit" => return Some(Place::Testkit),
        "crates/althing" => return Some(Place::Binary),
        _ => {}
    }
    let (floor, room) = within(&member.dir, "crates")?.split_once('/')?;
    if room.contains('/') {
        return None;
    }
    FLOORS.iter().position(|known| *known == floor).map(Place::Floor)
}

/// Why `member` may not use `used`, and what to do instead.
fn refusal(member: &Member, place: Place, used: &Use, target: Place) -> Option<String> {
    let (from, to) = (&member.name, &used.name);
    match (place, target) {
        (Place::Xtask, _) => None,
        (_, Place::Xtask) => Some(format!("`{from}` uses `{to}`: nobody may, move what is shared into a room")),
        (_, Place::Testkit) if used.dev => None,
        (_, Place::Testkit) => Some(format!("`{from}` uses `{to}` outside tests: make it a dev-dependency")),
        (Place::Testkit, Place::Floor(0 | 1)) => None,
        (Place::Testkit, _) => Some(format!("`{from}` uses `{to}`: testkit may use the foundation alone")),
        _ if used.dev || target < place => None,
        _ => Some(format!(
            "`{from}` ({}) uses `{to}` ({}): only lower floors may be used; let what both need sink a floor, or make \
             it a small trait that the binary wires",
            name(place),
            name(target)
        )),
    }
}

fn name(place: Place) -> &'static str {
    match place {
        Place::Floor(index) => FLOORS[index],
        Place::Binary => "the binary",
        Place::Testkit => "testkit",
        Place::Xtask => "xtask",
    }
}

/// The line of the manifest that names the dependency.
fn line(workspace: &Workspace, member: &Member, name: &str) -> usize {
    line_of(workspace.text(&member.manifest()), |line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    })
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    const NAMES: [(&str, &str); 8] = [
        ("fault", "crates/foundation/fault"),
        ("net", "crates/resources/net"),
        ("store", "crates/resources/store"),
        ("http-door", "crates/doors/http"),
        ("althing", "crates/althing"),
        ("testkit", "crates/testkit"),
        ("xtask", "xtask"),
        ("lost", "crates/attic/lost"),
    ];

    /// What the rule says when `from` uses `to`, without the part before the message.
    fn check_use(from: &str, to: &str, dev: bool, expect: Option<&str>) {
        let mut workspace = Workspace::of(&[], &NAMES[..7]);
        let member = workspace.members.iter_mut().find(|member| member.name == from).unwrap();
        member.uses.push(Use { name: to.into(), dev });
        let found = printed(&check(&workspace));
        match expect {
            None => assert!(found.is_empty(), "{from} -> {to}: {found:?}"),
            Some(part) => assert!(found.len() == 1 && found[0].contains(part), "{from} -> {to}: {found:?}"),
        }
    }

    #[test]
    fn only_lower_floors_may_be_used() {
        check_use("net", "fault", false, None);
        check_use("althing", "http-door", false, None);
        check_use("net", "store", false, Some("`net` (resources) uses `store` (resources): only lower floors"));
        check_use("fault", "net", false, Some("only lower floors"));
        check_use("http-door", "althing", false, Some("(doors) uses `althing` (the binary)"));
        check_use("net", "store", true, None);
    }

    #[test]
    fn testkit_serves_tests_and_stands_on_the_foundation() {
        check_use("net", "testkit", true, None);
        check_use("net", "testkit", false, Some("make it a dev-dependency"));
        check_use("testkit", "fault", false, None);
        check_use("testkit", "net", true, Some("the foundation alone"));
    }

    #[test]
    fn nobody_uses_xtask() {
        check_use("althing", "xtask", true, Some("nobody may"));
        check_use("xtask", "fault", false, None);
    }

    #[test]
    fn every_crate_stands_on_a_floor() {
        let found = check(&Workspace::of(&[], &NAMES[7..]));
        assert_eq!(
            printed(&found),
            ["crates/attic/lost/Cargo.toml:1: `lost` stands on no floor: move it to `crates/FLOOR/ROOM`"]
        );
    }

    #[test]
    fn the_line_of_the_dependency_is_named() {
        let manifest = "[dependencies]\nstore-x = \"1\"\nstore.workspace = true\n";
        let mut workspace = Workspace::of(&[("crates/resources/net/Cargo.toml", manifest)], &NAMES);
        workspace.members[1].uses.push(Use { name: "store".into(), dev: false });
        assert!(printed(&check(&workspace))[0].starts_with("crates/resources/net/Cargo.toml:3: "));
    }
}
