//! Groups of answers that all agree with one another. It knows likenesses and weights, not texts.

/// The likeness from which two answers agree.
pub const AGREE_MIN: f64 = 0.6;

/// The likeness of every pair of a fixed number of answers: symmetric, 1 for an answer and itself, 0 until set.
#[derive(Debug, Clone, Default)]
pub struct Likenesses {
    rows: Vec<Vec<f64>>,
}

impl Likenesses {
    /// A table for `n` answers of which no two are alike yet.
    pub fn new(n: usize) -> Self {
        Self { rows: vec![vec![0.0; n]; n] }
    }

    /// Sets the likeness, 0 to 1, of a pair. A pair outside the table is ignored.
    pub fn set(&mut self, a: usize, b: usize, likeness: f64) {
        for (row, column) in [(a, b), (b, a)] {
            if let Some(cell) = self.rows.get_mut(row).and_then(|row| row.get_mut(column)) {
                *cell = likeness;
            }
        }
    }

    /// The likeness of a pair; 0 outside the table.
    pub fn get(&self, a: usize, b: usize) -> f64 {
        if a == b { 1.0 } else { self.rows.get(a).and_then(|row| row.get(b)).copied().unwrap_or(0.0) }
    }

    /// Whether a pair agrees.
    pub fn agree(&self, a: usize, b: usize) -> bool {
        self.get(a, b) >= AGREE_MIN
    }

    /// The member of `group` with the highest mean likeness to the rest, so the answer that speaks best for all; the
    /// lowest index among equals. `None` for an empty group.
    pub fn medoid(&self, group: &[usize]) -> Option<usize> {
        let total = |member: usize| group.iter().map(|other| self.get(member, *other)).sum::<f64>();
        // The rest has the same size for every member, so the sum ranks as the mean does.
        let ranked = group.iter().map(|member| (total(*member), *member));
        ranked.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1))).map(|(_, member)| member)
    }

    /// The clusters of `members`, each a number below the `n` of the table and none twice. `weights` holds one weight
    /// per answer of the table; a missing one counts as 0.
    ///
    /// Complete linkage: the two groups whose *least* alike pair is the most alike merge first, as long as that pair
    /// agrees, so every member of a cluster agrees with every other. With average linkage a late answer between two
    /// groups could join them into a majority that no two of its ends share; here answers that disagree stay apart
    /// whatever comes later, which is what makes it sound to stop early. Ties go to the lowest index.
    pub fn clusters(&self, members: &[usize], weights: &[f64]) -> Clusters {
        let mut groups: Vec<Vec<usize>> = members.iter().map(|member| vec![*member]).collect();
        groups.sort();
        while let Some((into, from)) = self.closest(&groups) {
            let moved = groups.remove(from);
            if let Some(group) = groups.get_mut(into) {
                group.extend(moved);
                group.sort_unstable();
            }
        }
        let weighed = groups.into_iter().map(|group| (weight(&group, weights), group));
        let mut weighed: Vec<(f64, Vec<usize>)> = weighed.collect();
        weighed.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        Clusters { groups: weighed.into_iter().map(|(_, group)| group).collect() }
    }

    /// The places, in order, of the two groups to merge next.
    fn closest(&self, groups: &[Vec<usize>]) -> Option<(usize, usize)> {
        let mut best: Option<(f64, usize, usize)> = None;
        for (into, a) in groups.iter().enumerate() {
            for (from, b) in groups.iter().enumerate().skip(into + 1) {
                let linkage = self.linkage(a, b);
                if linkage >= AGREE_MIN && best.is_none_or(|(most, ..)| linkage > most) {
                    best = Some((linkage, into, from));
                }
            }
        }
        best.map(|(_, into, from)| (into, from))
    }

    /// The likeness of the least alike pair between two groups.
    fn linkage(&self, a: &[usize], b: &[usize]) -> f64 {
        a.iter().flat_map(|a| b.iter().map(|b| self.get(*a, *b))).fold(1.0, f64::min)
    }
}

/// The weight of a group; a member without a weight counts as 0.
pub(super) fn weight(group: &[usize], weights: &[f64]) -> f64 {
    group.iter().filter_map(|member| weights.get(*member)).sum()
}

/// A partition of answers into groups that agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clusters {
    /// Each group's members in ascending order; the heaviest group first, among equals the one with the lowest member.
    pub groups: Vec<Vec<usize>>,
}

#[cfg(test)]
mod tests {
    use super::{AGREE_MIN, Likenesses};
    use proptest::prelude::*;

    fn table(n: usize, pairs: &[(usize, usize, f64)]) -> Likenesses {
        let mut table = Likenesses::new(n);
        pairs.iter().for_each(|(a, b, likeness)| table.set(*a, *b, *likeness));
        table
    }

    fn groups(table: &Likenesses, n: usize) -> Vec<Vec<usize>> {
        table.clusters(&(0..n).collect::<Vec<_>>(), &vec![1.0; n]).groups
    }

    #[test]
    fn a_bridge_does_not_join_what_disagrees() {
        let bridge = table(3, &[(0, 1, 0.9), (1, 2, 0.8), (0, 2, 0.1)]);
        assert_eq!(groups(&bridge, 3), [vec![0, 1], vec![2]]);
        let closer = table(3, &[(0, 1, 0.8), (1, 2, 0.9), (0, 2, 0.1)]);
        assert_eq!(groups(&closer, 3), [vec![1, 2], vec![0]]);
        let tie = table(3, &[(0, 1, 0.8), (1, 2, 0.8)]);
        assert_eq!(groups(&tie, 3), [vec![0, 1], vec![2]]);
    }

    #[test]
    fn the_threshold_itself_agrees() {
        assert_eq!(groups(&table(2, &[(0, 1, AGREE_MIN)]), 2), [vec![0, 1]]);
        assert_eq!(groups(&table(2, &[(0, 1, AGREE_MIN - 1e-12)]), 2), [vec![0], vec![1]]);
    }

    #[test]
    fn the_heaviest_group_comes_first() {
        let table = table(4, &[(1, 2, 1.0)]);
        assert_eq!(table.clusters(&[0, 1, 2, 3], &[1.0; 4]).groups, [vec![1, 2], vec![0], vec![3]]);
        assert_eq!(table.clusters(&[3, 2, 1, 0], &[1.0, 1.0, 1.0, 5.0]).groups, [vec![3], vec![1, 2], vec![0]]);
        assert_eq!(table.clusters(&[3, 0], &[1.0; 4]).groups, [vec![0], vec![3]]);
        assert!(table.clusters(&[], &[]).groups.is_empty());
    }

    #[test]
    fn the_medoid_speaks_for_its_group() {
        let table = table(4, &[(0, 1, 0.7), (1, 2, 0.9), (0, 2, 0.6), (0, 3, 1.0)]);
        assert_eq!(table.medoid(&[0, 1, 2]), Some(1));
        assert_eq!(table.medoid(&[0, 3]), Some(0));
        assert_eq!(table.medoid(&[3, 0]), Some(0));
        assert_eq!(table.medoid(&[2]), Some(2));
        assert_eq!(table.medoid(&[]), None);
    }

    #[test]
    fn outside_the_table_nothing_is_alike() {
        let mut table = table(1, &[]);
        table.set(0, 9, 1.0);
        assert_eq!((table.get(0, 9), table.get(0, 0)), (0.0, 1.0));
    }

    proptest! {
        #[test]
        fn clusters_are_a_partition_in_which_every_pair_agrees(
            cells in prop::collection::vec(0.0..=1.0_f64, 64), n in 0_usize..=8
        ) {
            let mut table = Likenesses::new(n);
            for a in 0..n {
                (0..a).for_each(|b| table.set(a, b, cells[a * 8 + b]));
            }
            let groups = groups(&table, n);
            let mut members: Vec<usize> = groups.iter().flatten().copied().collect();
            members.sort_unstable();
            prop_assert_eq!(members, (0..n).collect::<Vec<_>>());
            for group in &groups {
                prop_assert!(group.iter().all(|a| group.iter().all(|b| table.agree(*a, *b))));
                prop_assert!(group.contains(&table.medoid(group).unwrap()));
            }
            // No two clusters are left that could merge.
            for (at, a) in groups.iter().enumerate() {
                for b in groups.iter().skip(at + 1) {
                    prop_assert!(a.iter().any(|a| b.iter().any(|b| !table.agree(*a, *b))));
                }
            }
        }

        #[test]
        fn exact_answers_group_the_same_in_any_order(
            kinds in prop::collection::vec(0_u8..4, 1..12), seed in prop::collection::vec(any::<u32>(), 12)
        ) {
            let n = kinds.len();
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by_key(|at| seed[*at]);
            let partition = |order: &[usize]| {
                let mut table = Likenesses::new(n);
                for a in 0..n {
                    let like = |b: usize| if kinds[order[a]] == kinds[order[b]] { 1.0 } else { 0.0 };
                    (0..a).for_each(|b| table.set(a, b, like(b)));
                }
                let mut found: Vec<Vec<usize>> = groups(&table, n);
                found.iter_mut().for_each(|group| {
                    group.iter_mut().for_each(|member| *member = order[*member]);
                    group.sort_unstable();
                });
                found.sort();
                found
            };
            prop_assert_eq!(partition(&order), partition(&(0..n).collect::<Vec<_>>()));
        }
    }
}
