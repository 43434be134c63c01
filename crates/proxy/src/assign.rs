//! Which side serves a client: a keyed hash of its key against the weight, so that raising the weight only ever moves
//! clients from old to new.

use std::hash::Hasher;
use std::net::IpAddr;

use http::header::COOKIE;
use http::HeaderMap;
use siphasher::sip::SipHasher13;

use crate::settings::Sticky;
use crate::sides::Side;

/// A whole share: every client.
pub const WHOLE: u32 = 1_000_000;

/// The side that serves the client at this weight (parts per million).
pub fn serving_side(key: &str, sticky: &Sticky, headers: &HeaderMap, client: IpAddr, weight_ppm: u32) -> Side {
    match weight_ppm {
        0 => Side::Old,
        WHOLE.. => Side::New,
        _ => {
            let point = hash_client(key, sticky, headers, client);
            // The point lies uniformly in 0..2^64; the comparison in 128 bits keeps 1 ppm exact.
            let below = u128::from(point) * u128::from(WHOLE) < u128::from(weight_ppm) << 64;
            if below {
                Side::New
            } else {
                Side::Old
            }
        }
    }
}

fn hash_client(key: &str, sticky: &Sticky, headers: &HeaderMap, client: IpAddr) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(key.as_bytes());
    hasher.write_u8(0xff); // ends the key: no key is the beginning of another
    let named = match sticky {
        Sticky::Address => None,
        Sticky::Header { name } => headers.get(name).map(http::HeaderValue::as_bytes),
        Sticky::Cookie { name } => cookie(headers, name),
    };
    match (named, client) {
        (Some(value), _) => hasher.write(value),
        (None, IpAddr::V4(address)) => hasher.write(&address.octets()),
        (None, IpAddr::V6(address)) => hasher.write(&address.octets()),
    }
    hasher.finish()
}

/// The value of one cookie, as it stands in the request.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|b| *b == b';'))
        .find_map(|pair| {
            let pair = pair.trim_ascii_start();
            pair.strip_prefix(name.as_bytes())?
                .strip_prefix(b"=")
                .map(<[u8]>::trim_ascii_end)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn side_of(user: u32, weight: u32) -> Side {
        let mut headers = HeaderMap::new();
        headers.insert("x-user", user.into());
        let sticky = Sticky::Header { name: "x-user".into() };
        serving_side("k", &sticky, &headers, CLIENT, weight)
    }

    #[test]
    fn raising_the_weight_only_moves_clients_to_new() {
        for user in 0..500 {
            let mut was_new = false;
            for weight in (0..=WHOLE).step_by(20_000) {
                let is_new = side_of(user, weight) == Side::New;
                assert!(is_new || !was_new, "user {user} went back at {weight}");
                was_new = is_new;
            }
            assert!(was_new);
        }
    }

    #[test]
    fn shares_are_within_three_sigma() {
        for weight in [100, 10_000, 100_000, 500_000, 900_000] {
            let (n, p) = (200_000.0, f64::from(weight) / f64::from(WHOLE));
            let new = (0..200_000).filter(|user| side_of(*user, weight) == Side::New).count();
            let sigma = (n * p * (1.0 - p)).sqrt();
            assert!((new as f64 - n * p).abs() <= 3.0 * sigma, "{new} of {n} at {p}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=1; session=abc ;b=2".parse().expect("valid"));
        headers.append(COOKIE, "xsession=no; late=yes".parse().expect("valid"));
        assert_eq!(cookie(&headers, "session"), Some(&b"abc"[..]));
        assert_eq!(cookie(&headers, "late"), Some(&b"yes"[..]));
        assert_eq!(cookie(&headers, "sess"), None);
    }
}
