//! Patterns with `*`, of paths and of names.

/// The usual walk with one point to go back to: its time is the product of both lengths, whatever the glob.
fn walk<T>(glob: &[T], path: &[T], is_star: impl Fn(&T) -> bool, fits: impl Fn(&T, &T) -> bool) -> bool {
    let (mut at, mut done) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while let Some(given) = path.get(done) {
        match glob.get(at) {
            Some(star) if is_star(star) => {
                back = Some((at, done));
                at += 1;
            }
            Some(wanted) if fits(wanted, given) => (at, done) = (at + 1, done + 1),
            _ => {
                let Some((star, from)) = back else { return false };
                back = Some((star, from + 1));
                (at, done) = (star + 1, from + 1);
            }
        }
    }
    glob.get(at..).unwrap_or_default().iter().all(is_star)
}

/// Whether the segments of a path fit those of a glob; `**` stands for any number of them.
pub(super) fn fits_segments(glob: &[&str], path: &[&str]) -> bool {
    walk(glob, path, |segment| *segment == "**", |wanted, given| fits_segment(wanted, given))
}

/// Whether `given` fits `wanted` as a whole; `*` stands for any characters. A `*` alone is no empty segment, so that `/a/*` is
/// not `/a/`.
pub(super) fn fits_segment(wanted: &str, given: &str) -> bool {
    if wanted == "*" {
        return !given.is_empty();
    }
    walk(wanted.as_bytes(), given.as_bytes(), |byte| *byte == b'*', |wanted, given| wanted == given)
}
