//! The words that product names are made of. The first two nouns of a category are bought together in
//! real life, and are the planted pair of that category.

/// A business line with its categories.
pub(super) struct BusinessLine {
    pub name: &'static str,
    pub categories: [Category; 4],
}

/// A category: names of things with a typical price in cents, and what they are made of.
pub(super) struct Category {
    pub name: &'static str,
    pub nouns: [(&'static str, i64); 6],
    pub qualifiers: [&'static str; 8],
}

const fn category(name: &'static str, nouns: [(&'static str, i64); 6], qualifiers: [&'static str; 8]) -> Category {
    Category {
        name,
        nouns,
        qualifiers,
    }
}

pub(super) const COLOURS: [&str; 12] = [
    "White", "Blue", "Sage", "Red", "Grey", "Mustard", "Black", "Rose", "Navy", "Cream", "Olive", "Coral",
];

/// Endings that hold a delimiter or a quotation mark, so that a reader of CSV meets them.
pub(super) const PACKS: [&str; 3] = [", set of 4", "; gift boxed", " 12\""];

pub(super) const BUSINESS_LINES: [BusinessLine; 6] = [
    BusinessLine {
        name: "Kitchen",
        categories: [
            category(
                "Coffee & Tea",
                [
                    ("Moka Pot", 1_850),
                    ("Espresso Cups", 995),
                    ("Teapot", 1_650),
                    ("Milk Jug", 795),
                    ("Tea Tin", 425),
                    ("Sugar Bowl", 595),
                ],
                [
                    "Steel",
                    "Porcelain",
                    "Enamel",
                    "Copper",
                    "Glass",
                    "Stoneware",
                    "Retro",
                    "Striped",
                ],
            ),
            category(
                "Cookware",
                [
                    ("Frying Pan", 1_950),
                    ("Splatter Guard", 650),
                    ("Saucepan", 1_750),
                    ("Casserole", 2_450),
                    ("Griddle", 1_350),
                    ("Colander", 895),
                ],
                [
                    "Cast Iron",
                    "Steel",
                    "Copper",
                    "Enamel",
                    "Nonstick",
                    "Aluminium",
                    "Induction",
                    "Family",
                ],
            ),
            category(
                "Tableware",
                [
                    ("Pasta Bowls", 1_150),
                    ("Parmesan Grater", 695),
                    ("Dinner Plates", 1_450),
                    ("Water Glasses", 850),
                    ("Serving Board", 1_250),
                    ("Salt Cellar", 395),
                ],
                [
                    "Stoneware",
                    "Olive Wood",
                    "Porcelain",
                    "Speckled",
                    "Bistro",
                    "Hand Painted",
                    "Nordic",
                    "Rustic",
                ],
            ),
            category(
                "Baking",
                [
                    ("Cake Tin", 850),
                    ("Cooling Rack", 595),
                    ("Cookie Cutters", 450),
                    ("Rolling Pin", 695),
                    ("Mixing Bowl", 1_050),
                    ("Muffin Tray", 750),
                ],
                [
                    "Steel",
                    "Beech",
                    "Enamel",
                    "Vintage",
                    "Silicone",
                    "Ceramic",
                    "Deep",
                    "Farmhouse",
                ],
            ),
        ],
    },
    BusinessLine {
        name: "Garden",
        categories: [
            category(
                "Planting",
                [
                    ("Seed Tray", 495),
                    ("Plant Labels", 295),
                    ("Plant Pot", 850),
                    ("Hanging Basket", 1_150),
                    ("Window Box", 1_350),
                    ("Trellis", 1_550),
                ],
                [
                    "Recycled", "Slate", "Zinc", "Rattan", "Cedar", "Willow", "Clay", "Heritage",
                ],
            ),
            category(
                "Garden Tools",
                [
                    ("Hand Trowel", 795),
                    ("Hand Fork", 795),
                    ("Pruning Shears", 1_450),
                    ("Kneeling Pad", 695),
                    ("Garden Gloves", 550),
                    ("Dibber", 450),
                ],
                [
                    "Ash", "Steel", "Carbon", "Padded", "Leather", "Oak", "Compact", "Classic",
                ],
            ),
            category(
                "Watering",
                [
                    ("Watering Can", 1_650),
                    ("Rain Gauge", 595),
                    ("Hose Reel", 2_250),
                    ("Spray Bottle", 395),
                    ("Drip Kit", 1_250),
                    ("Hose Nozzle", 750),
                ],
                [
                    "Galvanised",
                    "Copper",
                    "Brass",
                    "Enamel",
                    "Slim",
                    "Patio",
                    "Balcony",
                    "Greenhouse",
                ],
            ),
            category(
                "Outdoor Living",
                [
                    ("Bird Feeder", 1_050),
                    ("Bird Seed Mix", 495),
                    ("Garden Lantern", 1_350),
                    ("Fire Bowl", 2_950),
                    ("Deck Chair", 2_650),
                    ("Picnic Blanket", 1_850),
                ],
                [
                    "Hanging", "Robin", "Iron", "Woodland", "Folding", "Striped", "Coastal", "Summer",
                ],
            ),
        ],
    },
    BusinessLine {
        name: "Office",
        categories: [
            category(
                "Writing",
                [
                    ("Fountain Pen", 1_750),
                    ("Ink Bottle", 650),
                    ("Pencil Set", 495),
                    ("Marker Set", 750),
                    ("Pen Case", 950),
                    ("Sharpener", 295),
                ],
                [
                    "Brass",
                    "Blue Black",
                    "Walnut",
                    "Student",
                    "Leather",
                    "Matte",
                    "Artist",
                    "Pocket",
                ],
            ),
            category(
                "Paper Goods",
                [
                    ("Notebook", 695),
                    ("Bookmark Set", 250),
                    ("Letter Paper", 450),
                    ("Envelope Set", 350),
                    ("Sketch Pad", 795),
                    ("Wall Calendar", 895),
                ],
                [
                    "Linen",
                    "Botanical",
                    "Dotted",
                    "Ruled",
                    "Marbled",
                    "Kraft",
                    "Travel",
                    "Cotton",
                ],
            ),
            category(
                "Desk",
                [
                    ("Desk Lamp", 2_450),
                    ("Desk Mat", 1_150),
                    ("Pen Pot", 595),
                    ("Letter Tray", 1_050),
                    ("Bookends", 1_350),
                    ("Desk Clock", 1_550),
                ],
                ["Architect", "Felt", "Bamboo", "Cork", "Mesh", "Oak", "Marble", "Retro"],
            ),
            category(
                "Packing",
                [
                    ("Gift Wrap", 395),
                    ("Ribbon Roll", 250),
                    ("Gift Bag", 195),
                    ("Parcel Tape", 295),
                    ("Gift Box", 450),
                    ("Tissue Paper", 195),
                ],
                [
                    "Kraft",
                    "Satin",
                    "Starry",
                    "Botanical",
                    "Birthday",
                    "Festive",
                    "Plain",
                    "Metallic",
                ],
            ),
        ],
    },
    BusinessLine {
        name: "Living",
        categories: [
            category(
                "Candles & Light",
                [
                    ("Pillar Candle", 650),
                    ("Candle Holder", 895),
                    ("Tea Lights", 350),
                    ("Table Lamp", 2_750),
                    ("String Lights", 1_150),
                    ("Storm Lantern", 1_450),
                ],
                [
                    "Beeswax", "Brass", "Vanilla", "Ceramic", "Frosted", "Cedar", "Midnight", "Amber",
                ],
            ),
            category(
                "Textiles",
                [
                    ("Cushion Cover", 1_050),
                    ("Cushion Pad", 550),
                    ("Throw", 2_250),
                    ("Table Runner", 1_150),
                    ("Door Mat", 1_350),
                    ("Floor Rug", 3_450),
                ],
                [
                    "Linen", "Feather", "Velvet", "Wool", "Cotton", "Woven", "Quilted", "Moroccan",
                ],
            ),
            category(
                "Frames & Walls",
                [
                    ("Picture Frame", 850),
                    ("Picture Hooks", 250),
                    ("Wall Mirror", 2_650),
                    ("Wall Clock", 1_950),
                    ("Art Print", 1_250),
                    ("Wall Shelf", 1_850),
                ],
                [
                    "Oak",
                    "Brass",
                    "Black",
                    "Gilded",
                    "Botanical",
                    "Driftwood",
                    "Round",
                    "Deco",
                ],
            ),
            category(
                "Storage",
                [
                    ("Storage Basket", 1_450),
                    ("Basket Liner", 550),
                    ("Blanket Box", 3_250),
                    ("Coat Rack", 1_950),
                    ("Shoe Rack", 1_750),
                    ("Laundry Bag", 950),
                ],
                [
                    "Seagrass", "Cotton", "Wicker", "Bamboo", "Rope", "Wire", "Canvas", "Nested",
                ],
            ),
        ],
    },
    BusinessLine {
        name: "Bath",
        categories: [
            category(
                "Towels",
                [
                    ("Bath Towel", 1_450),
                    ("Hand Towel", 750),
                    ("Face Cloths", 450),
                    ("Bath Mat", 1_250),
                    ("Bathrobe", 2_950),
                    ("Hair Wrap", 850),
                ],
                [
                    "Cotton", "Waffle", "Bamboo", "Striped", "Spa", "Turkish", "Ribbed", "Organic",
                ],
            ),
            category(
                "Soap",
                [
                    ("Soap Bar", 395),
                    ("Soap Dish", 550),
                    ("Hand Wash", 650),
                    ("Bath Salts", 795),
                    ("Bath Bombs", 595),
                    ("Body Scrub", 895),
                ],
                [
                    "Lavender",
                    "Slate",
                    "Rosemary",
                    "Oat",
                    "Citrus",
                    "Sea Salt",
                    "Honey",
                    "Eucalyptus",
                ],
            ),
            category(
                "Washstand",
                [
                    ("Toothbrush", 350),
                    ("Toothbrush Mug", 595),
                    ("Shaving Brush", 1_150),
                    ("Shaving Mirror", 1_650),
                    ("Nail Brush", 395),
                    ("Bath Tray", 1_850),
                ],
                [
                    "Bamboo", "Enamel", "Beech", "Chrome", "Ceramic", "Travel", "Vintage", "Walnut",
                ],
            ),
            category(
                "Sleep",
                [
                    ("Pillow Case", 850),
                    ("Pillow Spray", 695),
                    ("Sheet Set", 2_850),
                    ("Eye Mask", 650),
                    ("Hot Water Bottle", 1_150),
                    ("Bed Socks", 550),
                ],
                [
                    "Linen", "Lavender", "Silk", "Flannel", "Knitted", "Cashmere", "Fleece", "Quiet",
                ],
            ),
        ],
    },
    BusinessLine {
        name: "Play",
        categories: [
            category(
                "Wooden Toys",
                [
                    ("Train Engine", 1_450),
                    ("Train Track", 1_950),
                    ("Building Blocks", 1_650),
                    ("Pull Along", 1_250),
                    ("Shape Sorter", 1_350),
                    ("Spinning Top", 395),
                ],
                [
                    "Beech", "Maple", "Painted", "Rainbow", "Classic", "Pocket", "Giant", "Woodland",
                ],
            ),
            category(
                "Crafts",
                [
                    ("Paint Set", 850),
                    ("Paint Brushes", 495),
                    ("Clay Kit", 1_150),
                    ("Sticker Book", 450),
                    ("Bead Kit", 795),
                    ("Origami Paper", 395),
                ],
                [
                    "Watercolour",
                    "Junior",
                    "Gouache",
                    "Safari",
                    "Ocean",
                    "Starter",
                    "Studio",
                    "Festive",
                ],
            ),
            category(
                "Games",
                [
                    ("Chess Set", 2_250),
                    ("Chess Clock", 1_850),
                    ("Domino Set", 950),
                    ("Card Game", 750),
                    ("Jigsaw", 1_150),
                    ("Skittles", 1_650),
                ],
                [
                    "Walnut", "Travel", "Magnetic", "Family", "Alpine", "Vintage", "Garden", "Maple",
                ],
            ),
            category(
                "Soft Toys",
                [
                    ("Teddy Bear", 1_550),
                    ("Bear Pyjamas", 850),
                    ("Rabbit", 1_250),
                    ("Hand Puppet", 950),
                    ("Comfort Blanket", 1_050),
                    ("Rag Doll", 1_750),
                ],
                [
                    "Woolly",
                    "Striped",
                    "Velvet",
                    "Sleepy",
                    "Knitted",
                    "Little",
                    "Patchwork",
                    "Corduroy",
                ],
            ),
        ],
    },
];
