"""The names the sample shop's customers bear, by language. How a contact is made of them: people.py.

A name is written `name|ascii` where folding its letters would not give what its bearer uses in an e-mail address.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """One group of customers: the language they read, where they live, what they are called, how many in a hundred."""

    language: str
    share: int
    places: tuple[tuple[str, str], ...]  # (country, city)
    given: tuple[str, ...]
    family: tuple[str, ...]


def _names(text: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in text.split(","))


ORIGINS = (
    Origin(
        "de",
        34,
        (
            ("AT", "Graz"),
            ("AT", "Wien"),
            ("AT", "Linz"),
            ("DE", "München"),
            ("DE", "Köln"),
            ("DE", "Görlitz"),
            ("CH", "Zürich"),
        ),
        _names(
            """
            Anna, Jürgen, Käthe, Lukas, Sophie, Matthias, Anne-Kathrin, Björn, Hannah, Götz, Marlene, Felix, Bärbel,
            Paul, Theresa, Karl-Heinz, Lena, Günther, Elisabeth, Moritz, Friederike, Jörg, Mia, Tobias, Ursula,
            Jakob, Änne, Emil
            """
        ),
        _names(
            """
            Müller, Gruber, Schäfer, Weiß, Huber, Groß, Steiner, Köhler, Moser, Schröder, Pichler, Krüger, Berger,
            von der Heide, Wallner-Bauer, Jäger, Hofer, Schön, Eder, Kühn, Fuchs, Zöllner, Lang, Bäcker, Aigner,
            Meyer-Lindt, Brandl, Voß
            """
        ),
    ),
    Origin(
        "en",
        16,
        (
            ("GB", "London"),
            ("GB", "Leeds"),
            ("GB", "Edinburgh"),
            ("IE", "Galway"),
            ("IE", "Cork"),
            ("US", "Portland"),
            ("CA", "Halifax"),
        ),
        _names(
            """
            Emily, Jack, Siobhán, Oliver, Grace, Conor, Mary-Jane, Thomas, Niamh, Harry, D'Arcy, Ruth, Callum,
            Imogen, Sean, Priya, Alice, George, Chloë, Ben, Aoife, Zadie, William, Fiona
            """
        ),
        _names(
            """
            O'Brien, Smith, Walker, O'Sullivan, Taylor, Evans, Wright, McAllister, Hughes, D'Souza, Green, Hall, Ní
            Dhomhnaill, Clarke, Reid, Patel, Bennett, Fitzgerald, Cooper, St. John, Parker-Bowen, Young, Kelly,
            Adeyemi
            """
        ),
    ),
    Origin(
        "fr",
        11,
        (("FR", "Lyon"), ("FR", "Nîmes"), ("FR", "Besançon"), ("BE", "Liège"), ("CH", "Genève")),
        _names(
            """
            Chloé, Jean-Pierre, Élodie, François, Zoé, Rémi, Anaïs, Loïc, Marie-Claire, Benoît, Inès, Étienne,
            Océane, Jérôme, Gaëlle, Noël, Aurélie, Théo, Françoise, Mathis
            """
        ),
        _names(
            """
            Lefèvre, d'Alembert, Müntz, L'Hôpital, Bernard, Garçon, Dupont-Marchand, N'Diaye, Rousseau, Bérénger,
            Petit, Crête, de La Tour, Moreau, Beaulieu, Châtel, Leblanc, Guérin, Fournier, Nguyễn-Martin
            """
        ),
    ),
    Origin(
        "es",
        9,
        (("ES", "Málaga"), ("ES", "A Coruña"), ("ES", "Valencia"), ("MX", "Mérida"), ("AR", "Córdoba")),
        _names(
            """
            José, María José, Íñigo, Begoña, Ángel, Lucía, Iván, Nuria, Raúl, Sofía, Andrés, Belén, Óscar, Inés,
            Jesús, Mónica, Adrián, Rocío, Martín, Ana Belén
            """
        ),
        _names(
            """
            Muñoz, García Márquez, Núñez, Ibáñez, Peña, Fernández, Ordóñez, López-Ruiz, Castaño, Gómez, Ramírez, de
            la Fuente, Jiménez, Acuña, Sáez, Martínez, Zúñiga, Romero, Vázquez, Cañas
            """
        ),
    ),
    Origin(
        "pl",
        8,
        (("PL", "Łódź"), ("PL", "Kraków"), ("PL", "Gdańsk"), ("PL", "Wrocław")),
        _names(
            """
            Łukasz, Agnieszka, Małgorzata, Paweł, Żaneta, Michał, Zofia, Krzysztof, Józef, Grażyna, Bożena,
            Wojciech, Świętosława, Marta, Stanisław, Ewa
            """
        ),
        _names(
            """
            Wójcik, Kowalczyk, Dąbrowska, Zieliński, Źrebiec, Wiśniewski, Łuczak, Szymańska, Górski, Pająk,
            Święcicki, Nowak-Gąska, Błaszczyk, Król, Jabłońska, Żuk
            """
        ),
    ),
    Origin(
        "tr",
        5,
        (("TR", "İzmir"), ("TR", "Eskişehir"), ("DE", "Berlin")),
        _names(
            """
            Ayşe, İbrahim, Gülşen, Çağlar, Işıl, Özgür, Şebnem, Uğur, Doğukan, Elif, Yağmur, İpek, Tuğba, Ömer
            """
        ),
        _names(
            """
            Yılmaz, Öztürk, Çelik, Şahin, Işık, Güneş, Doğan, Kılıç, Aydın, Çetin, Koç, Erdoğdu, Yıldız, Şimşek
            """
        ),
    ),
    Origin(
        "vi",
        4,
        (("VN", "Đà Nẵng"), ("VN", "Huế"), ("FR", "Paris")),
        _names(
            """
            Thị Mai, Minh, Hương, Đức, Quỳnh Anh, Văn Hùng, Ngọc Lan, Tuấn, Thu Hiền, Bảo, Diễm, Phước
            """
        ),
        _names("Nguyễn, Trần, Lê, Phạm, Đặng, Bùi, Đỗ, Võ, Hoàng, Ngô"),
    ),
    Origin(
        "nb",
        4,
        (("NO", "Bergen"), ("NO", "Tromsø"), ("NO", "Ålesund")),
        _names("Øyvind, Åse, Bjørn, Solveig, Håkon, Ingrid, Kåre, Sigrid, Jørgen, Maren, Tor-Arne, Liv"),
        _names(
            """
            Sørensen, Bjørnson, Ås, Nygård, Haugen, Lødemel, Vik, Bakke-Sæther, Østby, Moe, Skjærvø, Hæreid
            """
        ),
    ),
    Origin(
        "ja",
        4,
        (("JP", "Kyoto"), ("JP", "横浜"), ("JP", "Sapporo")),
        _names(
            """
            さくら|sakura, 健太|kenta, 陽子|yoko, Haruto, 美咲|misaki, Ren, 大輔|daisuke, Yui, 直美|naomi, Kaori,
            翔|sho, Jun'ichi
            """
        ),
        _names(
            """
            田中|tanaka, 佐藤|sato, Suzuki, 渡辺|watanabe, Kobayashi, 山本|yamamoto, Ōta, 伊藤|ito, 中村|nakamura,
            Hayashi
            """
        ),
    ),
    Origin(
        "ar",
        3,
        (("AE", "دبي"), ("JO", "عمّان"), ("MA", "Rabat")),
        _names(
            """
            فاطمة|fatima, أحمد|ahmad, ليلى|layla, عمر|omar, مريم|maryam, Khālid, يوسف|yusuf, نور|noor, سلمى|salma,
            Hassan
            """
        ),
        _names(
            """
            الخطيب|alkhatib, حدّاد|haddad, المصري|almasri, Benali, النجار|alnajjar, منصور|mansour, El-Amrani,
            سعيد|said
            """
        ),
    ),
    # People with one name: it stands as the first name, there is no family name.
    Origin(
        "en",
        2,
        (("ID", "Yogyakarta"), ("ID", "Denpasar"), ("IN", "Chennai")),
        _names(
            """
            Suharti, Wayan, Sukarsih, Kadek, Meenakshi, Budiono, Made, Thanikachalam, Slamet, Nyoman, Ponni
            """
        ),
        ("",),
    ),
)
