//! The customers of a company that does not exist.

/// Contacts in the CRM; their ids run from 1 to this.
pub(super) const CONTACTS: u64 = 5_000;

const FIRST: [&str; 40] = [
    "Ada",
    "Alan",
    "Amara",
    "Anders",
    "Barbara",
    "Bjarne",
    "Chidi",
    "Chiara",
    "Dennis",
    "Edsger",
    "Elif",
    "Fatima",
    "Frances",
    "Grace",
    "Guido",
    "Hedy",
    "Ines",
    "Ivan",
    "Jean",
    "Joan",
    "Karen",
    "Katherine",
    "Ken",
    "Leslie",
    "Lin",
    "Linus",
    "Margaret",
    "Mei",
    "Mary",
    "Niklaus",
    "Noor",
    "Olga",
    "Priya",
    "Radia",
    "Rosa",
    "Sofia",
    "Tomas",
    "Vera",
    "Wei",
    "Yuki",
];
const LAST: [&str; 40] = [
    "Adeyemi", "Allen", "Bartik", "Berg", "Castillo", "Chen", "Clarke", "Costa", "Dijkstra", "Dubois", "Eriksen",
    "Fischer", "Garcia", "Goldberg", "Hamilton", "Hopper", "Ito", "Jensen", "Johnson", "Kaya", "Keller", "Kovacs",
    "Lamport", "Liskov", "Lovelace", "Moreau", "Novak", "Okafor", "Patel", "Perlman", "Ritchie", "Rossi", "Sato",
    "Silva", "Tanaka", "Thompson", "Turing", "Wirth", "Yilmaz", "Zhang",
];
const COMPANY: [&str; 20] = [
    "Acorn", "Basalt", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbour", "Indigo", "Juniper", "Kestrel",
    "Lumen", "Meridian", "Nimbus", "Orchard", "Pinnacle", "Quarry", "Ridge", "Summit", "Tundra",
];
const TRADE: [&str; 8] = ["Analytics", "Foods", "Freight", "Labs", "Logistics", "Media", "Systems", "Tools"];
const PLACE: [(&str, &str); 12] = [
    ("Amsterdam", "NL"),
    ("Ankara", "TR"),
    ("Berlin", "DE"),
    ("Bologna", "IT"),
    ("Lagos", "NG"),
    ("Lisbon", "PT"),
    ("London", "GB"),
    ("Osaka", "JP"),
    ("Oslo", "NO"),
    ("Porto Alegre", "BR"),
    ("Pune", "IN"),
    ("Toronto", "CA"),
];
const SEGMENT: [&str; 3] = ["small", "mid-market", "enterprise"];

/// One customer.
pub(super) struct Contact {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) company: String,
    pub(super) city: &'static str,
    pub(super) country: &'static str,
    pub(super) segment: &'static str,
    pub(super) created: String,
}

/// One order.
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) contact_id: u64,
    pub(super) cents: u64,
    pub(super) date: String,
}

/// The contact with this id, which must be one.
pub(super) fn contact(id: u64) -> Contact {
    let seed = mix(id);
    let (first, last) = (pick(&FIRST, seed), pick(&LAST, seed >> 8));
    let company = format!("{} {}", pick(&COMPANY, seed >> 16), pick(&TRADE, seed >> 24));
    let (city, country) = pick(&PLACE, seed >> 32);
    let domain = company.to_lowercase().replace(' ', "-");
    Contact {
        id,
        name: format!("{first} {last}"),
        email: format!("{}.{}{id}@{domain}.example", first.to_lowercase(), last.to_lowercase()),
        company,
        city,
        country,
        segment: pick(&SEGMENT, seed >> 40),
        created: date(2016, seed >> 48),
    }
}

/// All orders of a contact, oldest first. There is at least one.
pub(super) fn orders(contact_id: u64) -> Vec<Order> {
    let count = 1 + mix(contact_id ^ 0x00AD_D1E5) % 8;
    let order = |number| {
        let seed = mix(contact_id * 16 + number);
        // Most orders are small, a fifth is above 10,000.
        let share = seed % 1_001;
        let cents = 5_000 + 1_995_000 * share * share * share / 1_000_000_000 + seed % 100;
        let date = date(2017 + number, seed >> 32);
        Order { id: 100_000 + contact_id * 10 + number, contact_id, cents, date }
    };
    (1..=count).map(order).collect()
}

/// An amount as JSON shows it.
pub(super) fn amount(cents: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53, and its shortest form has the two digits")]
    let amount = cents as f64 / 100.0;
    amount
}

fn date(year: u64, seed: u64) -> String {
    format!("{year}-{:02}-{:02}", 1 + seed % 12, 1 + (seed >> 4) % 28)
}

fn pick<T: Copy>(from: &[T], seed: u64) -> T {
    from[usize::try_from(seed & 0xFF).unwrap_or(0) % from.len()]
}

/// SplitMix64: neighboring numbers become unrelated ones.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
