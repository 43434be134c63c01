//! Which of two lists' items belong together.

/// Items by their position; None where one list has no partner for the other's.
pub(super) type Pair = (Option<usize>, Option<usize>);

/// Pairs items of the same key, the first with the first and so on. In the order of the old items, then what only the new list has.
pub(super) fn by_key<K: Ord>(old: &[K], new: &[K]) -> Vec<Pair> {
    let sorted = |keys: &[K]| {
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by(|&a, &b| keys[a].cmp(&keys[b]));
        order
    };
    let (a, b) = (sorted(old), sorted(new));
    let mut pairs: Vec<Pair> = vec![(None, None); old.len()];
    let mut extra = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let order = match (a.get(i), b.get(j)) {
            (Some(&x), Some(&y)) => old[x].cmp(&new[y]),
            (Some(_), None) => std::cmp::Ordering::Less,
            _ => std::cmp::Ordering::Greater,
        };
        if order.is_le() {
            pairs[a[i]] = (Some(a[i]), order.is_eq().then(|| b[j]));
        } else {
            extra.push(b[j]);
        }
        i += usize::from(order.is_le());
        j += usize::from(order.is_ge());
    }
    extra.sort_unstable();
    pairs.extend(extra.into_iter().map(|at| (None, Some(at))));
    pairs
}

/// Whether pairs, sorted by the old position, are in the same order on both sides.
pub(super) fn keeps_order(pairs: &[(usize, usize)]) -> bool {
    pairs.windows(2).all(|two| two[0].1 < two[1].1)
}
