"""Lists about addresses: mailbox providers, role names, slips of keys and endings. They are read by flags, mistypes.

Composed for mailflow. A provider belongs here when many people have a mailbox at it.
"""

from __future__ import annotations

# Providers with names that hardly anybody else's domain resembles: a name one slip away from these is a slip.
DISTINCT = frozenset(
    """
    gmail.com googlemail.com hotmail.com hotmail.co.uk hotmail.fr hotmail.it hotmail.de hotmail.es hotmail.be
    hotmail.nl hotmail.se hotmail.no hotmail.dk hotmail.fi hotmail.ch hotmail.at hotmail.gr hotmail.ca hotmail.com.ar
    hotmail.com.au hotmail.com.br hotmail.com.tr hotmail.com.mx hotmail.co.nz hotmail.co.jp hotmail.co.th
    hotmail.co.za hotmail.hu hotmail.cl outlook.com outlook.de outlook.at outlook.fr outlook.es outlook.it outlook.be
    outlook.dk outlook.ie outlook.pt outlook.com.br outlook.com.au outlook.com.ar outlook.co.nz outlook.co.uk
    outlook.jp outlook.cl outlook.cz outlook.hu windowslive.com yahoo.com yahoo.co.uk yahoo.de yahoo.fr yahoo.it
    yahoo.es yahoo.ie yahoo.in yahoo.co.in yahoo.co.id yahoo.co.jp yahoo.co.nz yahoo.co.za yahoo.ca yahoo.com.ar
    yahoo.com.au yahoo.com.br yahoo.com.mx yahoo.com.hk yahoo.com.sg yahoo.com.tw yahoo.com.ph yahoo.com.tr
    yahoo.com.vn yahoo.gr yahoo.no yahoo.se yahoo.dk yahoo.at yahoo.pl yahoo.ro rocketmail.com icloud.com
    protonmail.com protonmail.ch tutanota.com tutanota.de fastmail.com fastmail.fm comcast.net verizon.net
    sbcglobal.net bellsouth.net earthlink.net optonline.net roadrunner.com frontier.com windstream.net centurylink.net
    juno.com netzero.net mindspring.com prodigy.net btinternet.com btopenworld.com virginmedia.com talktalk.net
    ntlworld.com blueyonder.co.uk tiscali.co.uk wanadoo.fr laposte.net orange.fr neuf.fr bbox.fr numericable.fr
    club-internet.fr libero.it virgilio.it tiscali.it tin.it alice.it fastwebnet.it freenet.de arcor.de t-online.de
    vodafone.de kabelmail.de unitybox.de netcologne.de bluewin.ch hispeed.ch sunrise.ch swissonline.ch chello.at
    kabsi.at liwest.at inode.at telenet.be skynet.be scarlet.be proximus.be telefonica.net telefonica.es terra.com.br
    ziggo.nl hetnet.nl kpnmail.nl xs4all.nl casema.nl seznam.cz centrum.cz interia.pl yandex.ru yandex.com rambler.ru
    bigpond.com bigpond.net.au optusnet.com.au iinet.net.au sympatico.ca videotron.ca rediffmail.com naver.com
    hanmail.net
    """.split()
)

# Providers whose names are short or everyday words: mail.com is not a slip for gmail.com, nor home.nl one for anything.
OTHER_MAILBOXES = frozenset(
    """
    mail.com email.com ymail.com myself.com mailbox.org posteo.de posteo.net proton.me pm.me hey.com duck.com zoho.com
    tuta.io tutamail.com gmx.de gmx.at gmx.ch gmx.net gmx.com gmx.info gmx.fr gmx.co.uk gmx.es gmx.us gmx.org gmx.eu
    web.de me.com mac.com live.com live.de live.at live.fr live.it live.nl live.be live.ca live.se live.no live.dk
    live.co.uk live.com.au live.com.mx live.ie live.in live.cn msn.com passport.com aol.com aol.de aol.fr aol.co.uk
    aim.com att.net cox.net charter.net rr.com twc.com cs.com netscape.net inbox.com usa.com shaw.ca telus.net
    rogers.com bell.net sky.com bt.com free.fr sfr.fr aliceadsl.fr online.de aon.at a1.net utanet.at drei.at online.no
    telia.com bredband.net tele2.se comhem.se spray.se telia.se home.se mail.dk stofanet.dk kolumbus.fi luukku.com
    suomi24.fi home.nl planet.nl upcmail.nl chello.nl tele2.nl zonnet.nl quicknet.nl versatel.be voo.be base.be wp.pl
    o2.pl onet.pl onet.eu op.pl vp.pl poczta.fm gazeta.pl tlen.pl post.cz email.cz volny.cz quick.cz atlas.cz azet.sk
    zoznam.sk centrum.sk freemail.hu citromail.hu indamail.hu abv.bg mail.bg net.hr siol.net mail.ru bk.ru list.ru
    inbox.ru ya.ru internet.ru ukr.net i.ua meta.ua bigmir.net inbox.lv sapo.pt iol.pt clix.pt mail.pt uol.com.br
    bol.com.br ig.com.br globo.com r7.com qq.com 163.com 126.com yeah.net sina.com sina.cn sohu.com foxmail.com
    139.com 189.cn aliyun.com daum.net nate.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp nifty.com biglobe.ne.jp
    walla.co.il walla.com mail.gr otenet.gr in.gr mynet.com rediff.com sify.com
    """.split()
)

# Domains that are one slip away from a provider and yet somebody's own.
NOT_MISTYPED = frozenset(
    """
    cloud.com gotmail.com hitmail.com inet.net.au gail.com gmall.com gmale.com outlook.net mail.de mail.me libro.it
    freenet.at gmx.li gmail.dk amail.com bmail.com cmail.com dmail.com fmail.com gomail.com gmail.io hmail.com
    hotmail.net imail.com jmail.com kmail.com nmail.com omail.com pmail.com qmail.com rmail.com smail.com tmail.com
    umail.com vmail.com wmail.com xmail.com zmail.com yaho.jp terra.com terra.es tera.com.br orange.com orange.pl
    orange.es range.fr sunrise.com inode.com juno.de never.com nave.com videotron.com prodigy.com prodigy.com.mx
    neuf.com frontier.net frontier.co
    """.split()
)

# Endings that do not exist, and the ones they are meant for.
ENDINGS = {
    **dict.fromkeys(
        "con cmo ocm comm coom ccom cim cpm vom xom conm comn clm ckm cob coj c0m cok comj comon ocom".split(),
        "com",
    ),
    **dict.fromkeys("nte ent ney ner nwt nrt nett neet nnet ntt".split(), "net"),
    **dict.fromkeys("ogr rog orgg ofg prg orh".split(), "org"),
    **dict.fromkeys("dee ded".split(), "de"),
}

# Country codes that a cut or slipped .com looks like; they count as slips only behind a provider's own name.
CUT_COM = frozenset({"co", "cm", "om"})

# Endings of more than two letters that exist and are near to common ones.
REAL_NEAR_ENDINGS = frozenset("com net org edu cam new pet bet vet get ong int tel top one bio biz art app".split())

COUNTRIES = frozenset(
    """
    ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bv bw by bz ca cc
    cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gb
    gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke
    kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu
    mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw
    sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz
    ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw
    """.split()
)

# Who reads it is a desk, not a person: RFC 2142 and what firms call their desks, in the languages of Europe.
ROLES = frozenset(
    """
    abuse hostmaster postmaster security usenet uucp webmaster www ftp news mailerdaemon root sysadmin nobody
    admin admins administration administrator administracion administracao administracja administratie amministrazione
    info infos infodesk infoline information informacion informacoes informatie informazioni informacje infomail
    office offices officeteam buero bureau biuro kancelar iroda kontor ufficio escritorio oficina kanzlei sekretariat
    secretary secretariat secretaria secretariaat segreteria reception receptie recepcion recepcja rezeption empfang
    frontdesk frontoffice backoffice vorzimmer assistant assistenz contact contacts contactus contacto contato
    contatti kontakt kontakte yhteys post posta postfach poczta mail email mailbox hello hallo hola ciao bonjour
    hej hei czesc moin servus gruezi welcome team crew everyone all staff sales sale salesteam verkauf vertrieb
    vente ventes venta ventas vendas vendite verkoop salg myynti sprzedaz prodej orders order ordering bestellung
    bestellungen bestelling bestellingen commande commandes pedido pedidos encomendas ordini zamowienia objednavky
    rendeles shop shopping store webshop onlineshop boutique tienda loja negozio sklep obchod ecommerce booking
    bookings buchung buchungen reservation reservations reservierung reservierungen reservas reserveringen
    prenotazioni rezerwacje termin termine appointments events event veranstaltungen catering gruppen support
    supportteam help helpdesk helpcenter hilfe service services servicedesk kundenservice kundendienst kundenbetreuung
    customer customers customercare customerservice customersupport customerrelations klantenservice assistance
    assistenza assistencia ayuda soporte suporte aide clientes clienti client clients serviceclient kundeservice
    asiakaspalvelu reklamation reklamationen returns retoure retouren repairs reparatur warranty garantie
    complaints feedback marketing marketingteam werbung press presse prensa stampa media medien newsroom redaktion
    redaction editor editorial editors newsletter newsletters subscribe unsubscribe subscriptions abo abos community
    social socialmedia web website webteam webadmin blog billing invoice invoices invoicing accounts account
    accounting accountant accountspayable accountsreceivable buchhaltung rechnung rechnungen rechnungswesen
    facturation facturacion facturas fatturazione factuur facturen boekhouding contabilidad contabilidade contabilita
    comptabilite compta faktura faktury ksiegowosc ucetni ekonomi payment payments payroll finance finances finanzen
    finanz treasury tax steuer credit mahnung inkasso purchasing procurement einkauf achats compras acquisti inkoop
    buyer supply logistics logistik logistique warehouse lager shipping versand delivery dispatch export import
    humanresources personal personalabteilung personnel recruiting recruitment recruiter jobs job karriere career
    careers bewerbung bewerbungen stellen empleo emploi praca lavoro vacatures management manager direction direktion
    direccion directie direzione direktor geschaeftsfuehrung geschaeftsleitung ceo cfo cto coo cio board vorstand
    president legal recht compliance privacy datenschutz gdpr dsgvo copyright trademark itsupport tech
    technik technical technicalsupport techsupport dev devs developer developers development engineering ops devops
    operations network netadmin server hosting domains domain dns ssladmin alerts alert monitoring noreply no-reply
    no_reply donotreply
    dontreply nichtantworten neposilat nepasrepondre noresponder naoresponda bounce bounces notification notifications
    automailer daemon robot bot system test testing tester demo example sample spam null devnull trash partner
    partners partnerships affiliate affiliates investors investor investorrelations projects projekte project
    production produktion quality research forschung training schulung school schule university library bibliothek
    praxis ordination hotel restaurant gasthof gasthaus cafe bar kueche rezeptionist spa wellness studio salon atelier
    galerie gallery museum theater theatre kasse ticket tickets tickethelp kirche pfarre pfarramt gemeinde rathaus
    verein kindergarten feuerwehr advertise advertising ads agency allstaff alumni announce announcements
    application applications apply archive atendimento atencionalcliente automated backend bookkeeping benefits
    business businessdevelopment bizdev campaign campaigns care clientservices comercial commercial commerciale
    communication communications comunicacion comms company concierge conference consultas consulting contactenos
    content corporate courrier creative customerservices customersuccess design designers digital director
    directors directory donations education employment engineers enq enquire enquiries enquiry equipe errors estimates
    executive executives experts facilities faculty farmacia faq fax financeiro founders fundraising general gerencia
    giving head headoffice hiring hq ideas inbound inbox informatica infrastructure inquiries inquiry insurance intern
    interns internship invest join lab labs laboratorio leads learning leasing letters licensing list listserv login
    mailer mailing mailman maintenance majordomo member members membership merchants noresponse noemail offers
    officemanager onboarding online outreach owners parents parts people performance phishing photos planning platform
    portfolio postbox postfix prefeitura presales principal produccion products product program programs promo
    promotions publicidade publishing purchase purchases questions quotes receipts receptionist recursoshumanos
    recommendations redaccion redaktionsteam referrals register registrar registration reminders reply report
    reporting reports request requests reservaciones response retail revenue rfp rrhh rsvp schedule science search seo
    servicioalcliente signup sistemas smtp software solutions sponsorship stats strategy student students studentinfo
    submissions suggestions superintendent survey surveys systems talent teacher teachers technology tesoreria
    theoffice theteam trade transport travel treasurer update updates vendors volunteer volunteers voicemail webdesign
    webinar webinars wholesale workshop zakaz zentrale
    """.split()
)

# Neighbours on the keyboard, QWERTY and QWERTZ.
KEYBOARD = {
    "q": "wa12", "w": "qase23", "e": "wsdr34", "r": "edft45", "t": "rfgyz56", "y": "tghuxsa67", "z": "tghuxsa67",
    "u": "yzhji78", "i": "ujko89", "o": "iklp90", "p": "ol0", "a": "qwszy", "s": "awedxzy", "d": "serfcx",
    "f": "drtgvc", "g": "ftyzhbv", "h": "gyzujnb", "j": "huikmn", "k": "jiolm", "l": "kop", "x": "zysdc", "c": "xdfv",
    "v": "cfgb", "b": "vghn", "n": "bhjm", "m": "njk", "0": "op9", "1": "lq2", "-": "p0",
}  # fmt: skip
