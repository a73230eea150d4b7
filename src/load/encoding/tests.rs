use std::fmt::Write;

use encoding_rs::{BIG5, EUC_JP, EUC_KR, ISO_8859_2, KOI8_R, SHIFT_JIS, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252};
use encoding_rs::{WINDOWS_1253, WINDOWS_1254, WINDOWS_1255, WINDOWS_1256, WINDOWS_1257};
use proptest::prelude::*;

use super::*;

/// Encodings and texts as tables of sales hold them, short and long.
const TEXTS: &[(&Encoding, &[&str])] = &[
    (
        GB18030,
        &[
            "客户编号,订单号,下单时间\n",
            "客户编号,订单号,下单时间\n张三,A001,2011年12月9日\n",
            "客户编号,订单号,下单时间,数量,单价\nC001,A001,2024-01-05,2,19.90\nC002,A002,2024-01-06,1,5.00\n",
            "customer,order,date,product,amount\n1,7,2024-01-05,红富士苹果 5斤,39.90\n2,8,2024-01-05,纯牛奶250ml*12盒,59.00\n",
            "会员ID;商品名称;实付金额\n88;春秋季男士长袖衬衫;129,00\n89;不锈钢保温杯;45,50\n",
            "交易时间\t交易类型\t金额(元)\t备注\n2024-01-05\t微信支付\t¥12.00\t早餐店\n",
            "id,name\n1,女\n2,男\n3,未知\n",
        ],
    ),
    (
        BIG5,
        &[
            "客戶編號,訂單編號,訂單日期,數量,單價\n",
            "客戶編號;訂單編號;訂單日期;商品編號;數量;單價;總價;幣別\nC1;O1;2024/01/05;P1;2;30;60;TWD\n",
            "customer,order,product,amount\n1,7,珍珠奶茶,60\n2,8,牛肉麵,180\n3,9,高山烏龍茶,450\n",
            "會員編號,姓名,地址,金額\n1,陳小明,臺北市信義區,1200\n2,林美華,高雄市三民區,350\n",
            "訂單編號,運費\nA1,60\n",
            "付款方式\t門市\n信用卡\t台中店\n",
        ],
    ),
    (
        SHIFT_JIS,
        &[
            "顧客番号,注文番号,注文日,数量,単価\n",
            "顧客ID;注文番号;注文日時;商品コード;商品名;数量;単価;合計金額\n1;2;2024/01/05;3;緑茶;1;150;150\n",
            "id,name,amount\n1,ｺｰﾋｰ,300\n2,ﾐﾙｸ,150\n3,ｻﾝﾄﾞｲｯﾁ,450\n",
            "id,name,amount\n1,りんごジュース,300\n2,食パン6枚切り,150\n",
            "会員番号,氏名,住所\n1,佐藤花子,東京都新宿区\n2,鈴木一郎,大阪市北区\n",
            "商品名,価格\nトマト,98\n",
        ],
    ),
    (
        EUC_JP,
        &[
            "顧客番号,注文番号,注文日,数量,単価\n",
            "顧客番号,注文番号,注文日,数量,単価\n1,2,2024-01-05,3,100\n4,5,2024-01-06,1,250\n",
            "id,name,amount\n1,りんごジュース,300\n2,食パン6枚切り,150\n",
            "会員番号,氏名,住所\n1,佐藤花子,東京都新宿区\n2,鈴木一郎,大阪市北区\n",
            "商品名,価格\nトマト,98\n",
        ],
    ),
    (
        EUC_KR,
        &[
            "고객번호,주문번호,주문일자,수량,단가\n",
            "고객번호,주문번호,주문일자,수량,단가\n1,2,2024-01-05,3,1000\n",
            "id,name,amount\n1,바나나맛 우유,1500\n2,신라면,900\n3,초콜릿,2000\n",
            "회원명;주소;금액\n김민수;서울특별시 강남구;35000\n이영희;부산광역시;12000\n",
            "결제수단\t상태\n신용카드\t배송완료\n",
        ],
    ),
    (
        WINDOWS_1252,
        &[
            "Müller;Größe;Straße\n",
            "café, señor £5\n",
            "naïve à la carte\n",
            "Zürich",
            "Kunde;Menge;Straße\n1;2;Königstraße\n",
            "id,name\n1,Crème brûlée\n2,Pâté de campagne\n3,Bœuf séché\n",
            "cliente,descripción,año\n1,Piña,2024\n2,Jamón ibérico,2024\n",
            "Número do pedido;Preço;Descrição\n1;2,50;Pão de queijo\n",
            "id,price\n1,£5.00\n2,£7.50\n",
            "id,name\n1,Rødgrød med fløde\n2,Smørrebrød\n3,Blåbær\n",
            "id;name;preis\n1;Milch 3,5%;1,29 €\n2;Käse;2,49 €\n",
            "artikel,antal\nKöttbullar,3\nGräddfil,1\nÅl,2\n",
        ],
    ),
    (
        WINDOWS_1250,
        &[
            "Łódź;Żółć;Příjmení\n",
            "Klient;Ilość;Wartość\n1;2;3,50\n2;1;7,00\n",
            "id;produkt\n1;Chleb żytni\n2;Masło śmietankowe\n3;Jabłka świeże\n",
            "Číslo objednávky;Množství;Částka\n1;2;300\n",
            "id,název\n1,Šunka dušená\n2,Rohlíky čerstvé\n3,Příbor stříbrný\n",
            "Vevő;Összeg;Időpont\n1;2;3\n2;Gyümölcsös sütőtök;5\n3;Főtt kolbász erős;6\n",
        ],
    ),
    (
        WINDOWS_1251,
        &[
            "Клиент;Дата;Сумма\n",
            "Клиент;Дата;Сумма\n1;05.01.2024;300,00\n",
            "id,name\n1,Хлеб бородинский\n2,Молоко 3.2%\n3,Сыр российский\n",
            "НОМЕР ЗАКАЗА;ТОВАР;ЦЕНА\n1;ЧАЙ ЧЁРНЫЙ;120\n",
            "Клієнт;Кількість;Ціна\n1;2;Олія соняшникова\n",
        ],
    ),
    (
        KOI8_R,
        &[
            "Клиент;Дата;Сумма\n1;05.01.2024;300,00\n",
            "id,name\n1,Хлеб бородинский\n2,Молоко 3.2%\n3,Сыр российский\n",
        ],
    ),
    (
        WINDOWS_1254,
        &[
            "Müşteri;Sipariş;Tutar\n1;2;30,00\nAyşe Yıldız;3;40,00\n",
            "id,ürün\n1,Beyaz peynir\n2,Yoğurt\n3,Kırmızı biber\n4,Zeytinyağı\n",
            "Müşteri No;Şehir\n1;İstanbul\n2;Eskişehir\n3;Muğla\n",
        ],
    ),
    (
        WINDOWS_1253,
        &[
            "Πελάτης;Ποσότητα;Τιμή\n1;2;3,50\n",
            "id,name\n1,Ελαιόλαδο\n2,Τυρί φέτα\n",
        ],
    ),
    (
        WINDOWS_1255,
        &["לקוח,תאריך,סכום\n1,2024-01-05,30\n", "id,name\n1,לחם אחיד\n2,חלב טרי\n"],
    ),
    (
        WINDOWS_1256,
        &[
            "العميل,التاريخ,المبلغ\n1,2024-01-05,30\n",
            "id,name\n1,زيت الزيتون\n2,خبز عربي\n",
        ],
    ),
    (
        WINDOWS_1257,
        &["Klientų sąrašas;Prekė;Kiekis\n1;Šviežia žuvis;2\n2;Juodų serbentų sultys;1\n3;Sūris džiūvėsėliuose;1\n"],
    ),
    (
        ISO_8859_2,
        &["id;produkt\n1;Chleb żytni\n2;Masło śmietankowe\n3;Jabłka świeże\n4;Ciasto świąteczne z masą\n"],
    ),
];

fn encoded(text: &str, encoding: &'static Encoding) -> Vec<u8> {
    let (bytes, _, has_gaps) = encoding.encode(text);
    assert!(!has_gaps, "{text} is not all in {}", encoding.name());
    bytes.into_owned()
}

fn first(sample: &[u8]) -> (&'static str, usize, Confidence) {
    let guess = detect(sample);
    (guess.encoding.name(), guess.bom_length, guess.confidence)
}

#[test]
fn texts_in_every_encoding_are_told() {
    let mut wrong = String::new();
    let mut n = 0;
    for (encoding, texts) in TEXTS {
        for text in *texts {
            let bytes = encoded(text, encoding);
            let long = text.repeat(300);
            for sample in [&bytes[..], &bytes[..bytes.len() - 2], &encoded(&long, encoding)] {
                n += 1;
                let guess = detect(sample);
                if decoded(sample, guess.encoding) != decoded(sample, encoding) {
                    let _ = writeln!(wrong, "{} {text:?}: {guess:?}", encoding.name());
                }
                assert_eq!(guess, detect(sample));
            }
        }
    }
    assert!(60 <= n);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn samples_that_end_inside_a_character_are_told() {
    for (encoding, texts) in TEXTS.iter().take(5) {
        for text in *texts {
            let bytes = encoded(text, encoding);
            let last = bytes.iter().rposition(|byte| !byte.is_ascii()).unwrap();
            for end in [last, last + 1] {
                if bytes[..end].iter().filter(|byte| !byte.is_ascii()).count() < 12 {
                    continue;
                }
                let guess = detect(&bytes[..end]);
                assert_eq!(guess.encoding, *encoding, "{text:?} up to {end}: {guess:?}");
            }
        }
    }
}

#[test]
fn words_of_every_encoding_come_back() {
    let chinese =
        "客户 订单 商品 数量 单价 金额 日期 时间 苹果 牛奶 茶叶 水果 面包 鸡蛋 大米 支付 银行 地址 电话 上海 北京 退款";
    let traditional =
        "客戶 訂單 商品 數量 單價 金額 日期 時間 蘋果 牛奶 茶葉 水果 麵包 雞蛋 白米 付款 銀行 地址 電話 臺北 高雄 退貨";
    let japanese =
        "顧客 注文 商品 数量 単価 金額 日付 時間 りんご 牛乳 お茶 果物 パン 卵 お米 支払 銀行 住所 電話 東京 大阪 返品";
    let korean =
        "고객 주문 상품 수량 단가 금액 날짜 시간 사과 우유 녹차 과일 빵 계란 쌀 결제 은행 주소 전화 서울 부산 환불";
    let german = "Müller Größe Straße Käse Brötchen Öl Äpfel Nüsse Süßes Gemüse Möhren Getränk Würstchen Bäcker Tür Stück für \
        über grün weiß Übergröße Zürich";
    let polish = "Łódź żółty mąka chleb śmietana jabłko gęś masło świeży piątek środa sól kawałek źródło część ilość wartość \
        płatność zamówienie półka dąb ćma";
    let russian = "клиент дата сумма заказ товар цена хлеб молоко сыр масло чай кофе вода яблоко мясо рыба Москва улица дом \
        банк карта возврат";
    let turkish = "müşteri sipariş tutar ürün fiyat yoğurt peynir ekmek süt çay şeker tuz yağ elma kırmızı yeşil İstanbul \
        şehir gün ödeme kart iade";
    for (encoding, words) in [
        (GB18030, chinese),
        (BIG5, traditional),
        (SHIFT_JIS, japanese),
        (EUC_JP, japanese),
        (EUC_KR, korean),
        (WINDOWS_1252, german),
        (WINDOWS_1250, polish),
        (ISO_8859_2, polish),
        (WINDOWS_1251, russian),
        (KOI8_R, russian),
        (WINDOWS_1254, turkish),
        (
            WINDOWS_1253,
            "πελάτης ημερομηνία ποσό παραγγελία προϊόν τιμή ψωμί γάλα τυρί λάδι τσάι καφές νερό μήλο κρέας ψάρι \
            Αθήνα οδός σπίτι τράπεζα κάρτα",
        ),
        (
            WINDOWS_1255,
            "לקוח תאריך סכום הזמנה מוצר מחיר לחם חלב גבינה שמן תה קפה מים תפוח בשר דג ירושלים רחוב בית בנק כרטיס",
        ),
        (
            WINDOWS_1256,
            "العميل التاريخ المبلغ الطلب المنتج السعر خبز حليب جبن زيت شاي قهوة ماء تفاح لحم سمك القاهرة شارع بيت \
            بنك بطاقة",
        ),
        (
            WINDOWS_1257,
            "prekė kiekis kaina užsakymas duona pienas sūris aliejus arbata kavą vandenį obuolių mėsa žuvis \
            Vilnius gatvė namas bankų kortelė grąžinimas šviežias",
        ),
    ] {
        let mut text = "id,name,amount\n".to_owned();
        for (i, word) in words.split_whitespace().enumerate() {
            let _ = writeln!(text, "{i},{word},{}.50", i * 7);
        }
        assert!(20 < text.lines().count());
        let bytes = encoded(&text, encoding);
        let guess = detect(&bytes);
        assert_eq!(decoded(&bytes, guess.encoding), text, "{guess:?}");
        assert_eq!(guess.confidence, Confidence::High, "{guess:?}");
    }
}

#[test]
fn marks_and_utf8_are_certain() {
    use Confidence::Certain;
    let chinese = "客户编号,订单号,下单时间\n张三,A001,2011年12月9日\n";
    assert_eq!(first(chinese.as_bytes()), ("UTF-8", 0, Certain));
    assert_eq!(first(&chinese.as_bytes()[..7]), ("UTF-8", 0, Certain));
    assert_eq!(first(&"a,客".as_bytes()[..4]), ("UTF-8", 0, Certain));
    assert_eq!(first(b"\xEF\xBB\xBFa,b"), ("UTF-8", 3, Certain));
    assert_eq!(first(b"\xFF\xFEa\0"), ("UTF-16LE", 2, Certain));
    assert_eq!(first(b"\xFE\xFF\0a"), ("UTF-16BE", 2, Certain));
    assert_eq!(first(b""), ("UTF-8", 0, Certain));
    assert_eq!(first(b"a,b\n1,2\n"), ("UTF-8", 0, Certain));
    assert_eq!(detect(b"caf\xE9").encoding, WINDOWS_1252);
}

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

#[test]
fn utf16_without_a_mark_is_told_from_its_nuls() {
    for text in [
        "id,name\r\n1,x\r\n",
        "客户编号,订单号,下单时间\r\n张三,A001,2011年12月9日\r\n",
        "Клиент;Дата\r\n1;2\r\n",
        "Müller;Größe\n1;2\n",
    ] {
        let (little, big) = (utf16(text, u16::to_le_bytes), utf16(text, u16::to_be_bytes));
        for cut in [0, 1, 2, 3] {
            assert_eq!(detect(&little[..little.len() - cut]).encoding, UTF_16LE, "{text:?}");
            assert_eq!(detect(&big[..big.len() - cut]).encoding, UTF_16BE, "{text:?}");
        }
    }
    for binary in [
        &b"id,name\n1,\0\n2,x\n3,y\n"[..],
        b"\0\0\0\0",
        b"a\0\0b,c\0\0d",
        b"\x01\0\x02\0\x03\0",
        "客户,\0\0订单,号\n".as_bytes(),
    ] {
        assert_eq!(detect(binary).encoding, UTF_8, "{binary:?}");
    }
}

#[test]
fn a_few_broken_lines_leave_it_utf8() {
    let mut bytes = "客户,金额\n".as_bytes().to_vec();
    for i in 0..100 {
        if i % 20 == 7 {
            bytes.extend_from_slice(&encoded("张三,5\n", GB18030));
        } else {
            bytes.extend_from_slice(format!("张三,{i}\n").as_bytes());
        }
    }
    let guess = detect(&bytes);
    assert_eq!((guess.encoding, guess.confidence), (UTF_8, Confidence::High));
    let expected = "96 lines beyond ASCII valid as UTF-8, 5 are not, first line 9";
    assert_eq!(guess.evidence, expected);
    // The women of a GB18030 file are valid UTF-8, but nothing that anybody would write.
    let text = format!("客户编号,性别\n{}", "7,女\n".repeat(50));
    assert_eq!(detect(&encoded(&text, GB18030)).encoding, GB18030);
}

#[test]
fn evidence_says_why_and_names_the_runner_up() {
    let guess = detect(&encoded("客户编号,订单号,下单时间\n", GB18030));
    assert_eq!(guess.confidence, Confidence::High);
    let expected = "not UTF-8 in line 1; 11 of 11 characters in 3 distinct fields are usual ones";
    assert_eq!(guess.evidence, expected);
    let guess = detect(&encoded("id\n否\n", GB18030));
    assert_eq!(guess.confidence, Confidence::Low);
    assert!(
        guess.evidence.contains("gb18030") && guess.evidence.contains(" or "),
        "{guess:?}"
    );
}

proptest! {
    #[test]
    fn any_bytes_give_a_guess(bytes: Vec<u8>, text in "[a-zé客\u{e000}-\u{e010},;\n\0]{0,40}") {
        for sample in [bytes.as_slice(), text.as_bytes()] {
            let guess = detect(sample);
            prop_assert!(guess.bom_length <= sample.len());
            prop_assert!(!guess.evidence.is_empty() && !guess.evidence.contains('\n'));
        }
    }
}
