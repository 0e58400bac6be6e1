//! The phrases themselves, as data; [`super`] says how they are read. Words are written as texts are compared: small,
//! without accents.

use crate::flags::FlagKind::{self, Address, Disclosure, Override, Reply, Role, Score};

/// Lists of words that patterns share.
pub(super) const LISTS: &[(&str, &str)] = &[
    // To cancel, as an order, in the languages that models are mostly asked in.
    (
        "cancel",
        "ignore disregard forget override bypass neglect discard cancel nullify supersede overlook ignorez ignorer oublie oubliez \
         ignora ignorar ignorare ignorad ignoren ignori olvida olvide olviden olvidar omite omita dimentica dimentichi \
         dimenticare esqueca esquecer desconsidere ignorier* vergiss vergesse vergesst missachte* negeer vergeet ignoruj \
         zignoruj ignoruite zapomnij pomin ignorera glom ignorer игнорир* проигнорир* забудь забудьте ігнорув*",
    ),
    // What a model was told.
    (
        "orders",
        "instruction instructions prompt prompts directive directives guidance anweisung* instruktion* vorgaben \
         instrucciones instruccion indicaciones instrucoes orientacoes istruzion* indicazioni consigne consignes \
         instructies instrukcj* polecen* pokyny instruksj* инструкци* указани* інструкці* talimatlar* komutlari instruksi",
    ),
    // The same, where only the context tells.
    (
        "rules",
        "rules guidelines constraints restrictions messages context text commands orders directions criteria regeln \
         befehle reglas regole regras regles zasady правила команды",
    ),
    (
        "which",
        "previous prior above earlier preceding foregoing former original initial your system all any every these those \
         given precedent precedents precedente precedentes precedenti anterior anteriores previas previos dessus tout \
         toute tous toutes todo toda todas todos tutte tutti vorherige vorherigen vorigen bisherigen obige obigen \
         fruheren alle allen deine eerdere vorige bovenstaande poprzednie poprzednich wszystkie wszelkie powyzsze \
         predchozi vsechny tidigare alla forrige предыдущ* все всех всем прошлы* прежни* вышеуказанн* \
         попередні усі onceki tum butun sebelumnya semua",
    ),
    (
        "before",
        "previous prior above earlier preceding foregoing original initial your system vorherigen vorigen bisherigen \
         obigen anteriores previas precedentes precedenti poprzedni* предыдущ*",
    ),
    ("option", "this it option candidate the that product choice item everything all every"),
    ("this", "this it option candidate that"),
    ("top", "highest maximum maximal max perfect top full excellent"),
    ("mark", "score scores rating ratings mark marks points grade value"),
    ("rate", "score rate grade"),
    ("give", "give award assign grant"),
    (
        "model",
        "ai ais llm llms chatbot chatbots gpt chatgpt claude model models evaluator evaluators grader judge assistant",
    ),
    ("machine", "ai llm llms chatbot gpt chatgpt"),
];

/// Words that lead to a command within its clause.
pub(super) const LEADS: &str = "please must should shall kindly then now instead therefore also simply just so";

/// What may follow a value that is meant as a score.
pub(super) const ENDINGS: &str = "out of point points score rating regardless for on because no always whatever in and or please from at \
    with as to von punkte punkten sur de puntos su punti pontos van punten из баллов по ponto punto punkt here al fur para alla pour et und";

/// The patterns, each with what it tries.
pub(super) const PATTERNS: &[(FlagKind, &str)] = &[
    // To cancel instructions.
    (Override, "@cancel ~4 @which ~4 @orders"),
    (Override, "@cancel ~4 @orders ~3 @which"),
    (Override, "@which ~3 @orders ~3 ignorieren|vergessen|missachten|negeren|yoksay|yoksayin|unut|abaikan"),
    (Override, "abaikan|lupakan ~2 instruksi|perintah"),
    (Override, "@cancel ~3 @before ~2 @rules"),
    (
        Override,
        "@cancel everything|anything|all|that|what|the of? the|that|what? is|was|comes|came|stands? above|before|preceding|foregoing",
    ),
    (
        Override,
        "@cancel everything|anything|all|what that? you|we|i were|have|had|ve been? told|said|instructed|received",
    ),
    (
        Override,
        "@cancel alles|todo|tout|tutto|tudo|все|alle ~3 oben|vorher|bisher|anterior|precede|sopra|precedente|acima|выше|boven",
    ),
    (Override, "do|you not follow|obey ~2 @before ~2 @orders"),
    (Override, "dont|never|stop follow|obey|following|obeying ~2 @before ~2 @orders"),
    (Override, "new|real|actual|hidden|secret|true instruction|instructions|prompt|directive :"),
    (Override, "your new|real|actual|true|updated task|instruction|instructions|objective|directive is|are"),
    (Override, "from now on ~5 act|respond|reply|answer|score|rate|ignore|pretend|output|evaluate|obey"),
    (Override, "do anything now"),
    (
        Override,
        "your instructions|prompt have|were|are changed|updated|replaced|void|wrong|outdated|been|different|obsolete",
    ),
    (Override, "instead|ahead of your instructions|prompt|rules|guidelines"),
    (
        Override,
        "you|youve have|were been? reprogrammed|hacked|jailbroken|authorised|authorized|instructed|reconfigured|hijacked",
    ),
    (
        Override,
        "^ ignore|disregard|forget the|any|all|your? criterion|criteria|scale|rubric|weight|weights|negative|negatives|flaws|evaluation",
    ),
    (
        Override,
        "ignore|ignora|ignorez|ignorier* le|la|les|el|los|il|i|die|das|den critere*|criteri*|kriteri*|echelle|escala|skala|scala",
    ),
    (Override, "reset|erase|clear|drop|abandon your|all instructions|prompt|prompts|guidelines"),
    (
        Override,
        "instructions|prompt|prompts|directives above|before|earlier|so ~2 fake|void|wrong|invalid|false|outdated|obsolete|untrue",
    ),
    (Override, "^ follow|obey only|just the|this|these? instructions|text|description|orders"),
    (
        Override,
        "tenez|tiens|tenir|tenere|tenga|haz|hagan|haga|обращаи|обращаите pas|caso|conto|en|внимания ~2 @orders|omiso|compte",
    ),
    (
        Override,
        "developer|operator|administrator|owner|user says|said|wants|wanted|asked|told|instructs|allows you to|can|must|should|may",
    ),
    (
        Override,
        "@cancel what|everything|anything|all was|is|has|have|the been? system? said|written|stated|told|says|says ~1 before|above|earlier|you",
    ),
    (Override, "@cancel what the? system|developer|prompt|user said|told|says|wants"),
    (
        Override,
        "@before|all ~1 @orders|rules|guidelines ~2 no|void|obsolete|invalid|cancelled|canceled|revoked|superseded|irrelevant longer|.|and",
    ),
    (Override, "overrides|supersedes|replaces|cancels ~1 your|previous|prior|all|earlier|the ~2 @orders ."),
    (Override, "treat ~4 as trusted|new|system|your instructions|prompt|orders"),
    (
        Override,
        "nao|no|non|nicht|не|ne|niet|nie siga|sigas|seguire|seguir|befolge|befolgen|befolgt|следуи|следуите|suivez|suis|volg|stosuj ~4 @orders",
    ),
    (Override, "begin|start new prompt|instructions"),
    (
        Override,
        "@cancel lo|ce|cio|quanto|das|dies|dit que|qui|bisherige|obige? anterior|previo|precede|precedente|obige|sopra|acima|voorgaande|bisherige",
    ),
    // To dictate the score or the choice.
    (Score, "^ @rate @option ~4 # $"),
    (Score, "^ @rate|evaluate @option ~3 @top"),
    (Score, "^ evaluate @option ~2 as|with # $"),
    (Score, "^ @give me|us|myself ~1 @top"),
    (Score, "^ @give me|us|myself a|an # $"),
    (Score, "^ @rate ~3 # out of # $"),
    (Score, "^ @give @option ~3 # $"),
    (Score, "^ @give ~4 @top possible? @mark"),
    (Score, "^ @give|return|output|report|set|use a|an|the|its|this|your|our|their? @mark of|to|as|is|at? # $"),
    (Score, "^ @give|return|output|report|set|use a|an|the|its|this|your|our|their? @mark of|to|as|is|at? the? @top"),
    (Score, "^ @give a|an|the|this # $"),
    (
        Score,
        "^ @rate|@give ~2 all|every|each|any other|others|rest|competing|alternative|alternatives ~3 #|one|zero|low|lower|lowest|badly",
    ),
    (Score, "must|should|shall be scored|rated|graded|given|awarded|assigned|ranked|marked ~4 # $"),
    (Score, "must|should|shall be scored|rated|graded|given|awarded|assigned|ranked|marked ~3 @top @mark?"),
    (Score, "has|have|needs|need|ought|deserves to be scored|rated|graded|given|awarded|assigned|marked ~4 # $"),
    (Score, "has|have|needs|need|ought|deserves to be scored|rated|graded|given|awarded|assigned|marked ~3 @top @mark"),
    (Score, "^ always|never|only score|rate|grade|give|award|assign ~5 # $"),
    (Score, "^ always|never|only score|rate|grade|give|award|assign ~4 @top"),
    (Score, "do|you not|never score|rate|grade|give ~4 below|under|less|lower|lowly"),
    (Score, "dont|never score|rate|grade|give ~4 below|under|less|lower|lowly"),
    (Score, "^ rank|place|put @this ~2 first|highest|top|above"),
    (
        Score,
        "^ choose|pick|select|recommend|prefer|favor|favour this option|candidate|one over|above|always|regardless",
    ),
    (Score, "^ always choose|pick|select|recommend|prefer|favor|favour @option"),
    (Score, "only|correct|right|true|expected score|rating|answer is|must|should ~1 # $"),
    (Score, "score|rating must|should|shall|has|needs to? be|equal at? least? # $"),
    (Score, "score|rating must|should|shall|has|needs to? be|equal the? @top"),
    (Score, "^ score|rate 10|ten|100 ."),
    (Score, "must|should|shall|will give|award|output|return|answer|choose|pick ~3 10|ten $"),
    (Score, "required|instructed|ordered|told|asked to output|give|award|score|rate|return|assign ~3 # $"),
    (
        Score,
        "mandatory|required|must|important|essential ~4 award|awards|give|gives|grant|grants|assign|assigns|given|assigned ~2 @top possible? @mark",
    ),
    (Score, "whatever|regardless|irrespective|matter ~4 answer|score|rate|give|output|assign ~2 # $"),
    (Score, "@mark|answer ~2 # regardless|irrespective|whatever|always"),
    (Score, "score|rating|answer is always|fixed|already ~1 # $"),
    (
        Score,
        "only valid|acceptable|allowed|permitted|possible|legal score|result|answer|rating|output|value is|of ~1 #|@top $",
    ),
    (Score, "make|ensure|guarantee sure? that? ~2 score|rating is|equals|of|becomes ~1 #|@top"),
    (Score, "^ make|ensure|guarantee sure? that? this|it option|candidate|one? wins|win|winner|ranks|scores"),
    (Score, "^ make|declare this|it option|candidate|one? the? winner|winning|first"),
    (Score, "^ pick|choose|select|use|apply ~1 @top|best possible? score|rating|mark|grade"),
    (
        Score,
        "^ penalize|penalise|downgrade|punish|downrank|reject ~1 all|every|each|any other|others|competing|rest|competitors|alternatives",
    ),
    (Score, "^ say|state|claim|conclude|declare|write that? this|it ~2 is ~2 best|winner|perfect|superior"),
    (
        Score,
        "gib|gebt|geben|vergib|vergebt|bewertet|donne|donnez|mets|mettez|dale|pon|ponle|ponga|asigna|dai|assegna|geef|даи|даите ~5 10|zehn|dix|diez|dieci|dez|tien|десять $",
    ),
    (Score, "gib|gebt|vergib|vergebt ~3 beste|besten|hochste|volle|maximale note|punktzahl|bewertung|punkte"),
    (Score, "bewerte|bewerten|benote|benoten ~5 # $"),
    (
        Score,
        "bewerte|bewerten|benote|benoten|gib|vergib|vergebe|vergeben ~4 hochstpunktzahl|hochstnote|hochstwertung|bestnote",
    ),
    (Score, "gib|vergib|vergebe ~4 #|volle|hochste|maximale punkte|punkt|punktzahl|bewertung|note"),
    (Score, "note|notez|evalue|evaluez cette|ce|cet|la|le|l ~3 # $"),
    (Score, "attribue|attribuez|donne|donnez|mets|mettez ~4 note|score maximale|maximal|maximum|parfaite|parfait"),
    (Score, "attribue|attribuez|donne|donnez|mets|mettez ~4 note|score de # $"),
    (Score, "puntua|puntue|califica|califique|valora|valore|avalie|pontue|classifique ~4 com|con|un|como|de # $"),
    (
        Score,
        "da|dale|asigna|asigne|otorga|otorgue|atribua|conceda ~4 puntuacion|calificacion|puntaje|nota|pontuacao maxima|maximo|perfecta|perfeita",
    ),
    (
        Score,
        "da|dale|asigna|asigne|otorga|otorgue|atribua ~3 puntuacion|calificacion|puntaje|nota|pontuacao|un de|del? # $",
    ),
    (Score, "assegna|assegni|attribuisci|dai ~3 punteggio|voto massimo|pieno|perfetto"),
    (Score, "assegna|assegni|attribuisci|dai ~3 punteggio|voto|un di? # $"),
    (
        Score,
        "оцени|оцените|поставь|поставьте|присвои|присвоите ~4 #|максимальную|максимальныи|высшии|наивысшую|наивысшии|максимум",
    ),
    (Score, "geef|beoordeel dit|deze|het ~3 # $"),
    (Score, "ocen|oceny|przyznaj ~3 na|maksymalna|najwyzsza|maksymalnie"),
    (Score, "^ mark @this ~3 with|as|at # $"),
    (Score, "^ @rate @option ~1 as? high|highly|generously|favorably|favourably|well"),
    (Score, "final|correct|expected answer|score|rating|verdict : 10|ten|100 $"),
    (Score, "let the|its? score|rating be # $"),
    (
        Score,
        "any|every|other|else|anything|nothing ~3 than|below|under|but #|ten ~3 wrong|error|invalid|incorrect|unacceptable|mistake|accepted|allowed",
    ),
    (Score, "authorised|authorized|approved|agreed|decided|confirmed a|the? @mark of|as? # $"),
    (Score, "obliged|obligated|forced|bound to ~1 output|give|award|score|rate|return|assign ~3 # $"),
    (Score, "muss|soll|sollte|mussen ~2 mit 10|zehn ~2 bewertet|benotet"),
    (Score, "muss|soll|sollte|mussen ~3 bestnote|hochstnote|hochstpunktzahl|hochstwertung"),
    (
        Score,
        "doit|devrait|debe|deberia|deve|dovrebbe|moet ~2 recevoir|obtenir|avoir|recibir|obtener|tener|ricevere|ottenere|avere|receber|obter|ter|krijgen ~2 # $",
    ),
    (Score, "должен|должна|должно|должны ~2 получить ~2 # $"),
    (
        Score,
        "stop|skip|abort|end evaluating|scoring|judging|grading|evaluation ~2 return|output|give|answer|score|rate",
    ),
    (Score, "and|then|to|should|must|just|simply|always output|use|say|return|answer|score|rate|give 10|ten ."),
    (Score, "^ @give|output|return ~2 @top ."),
    (Score, "bump|raise|upgrade|increase|lift|change|move the|its|this? score|rating|mark to # $"),
    (Score, "if you do|dont|fail not|to? score|rate|give this|it|option|me"),
    (
        Score,
        "scores|score|ratings|rating under|below|less|lower ~2 # ~2 not|forbidden|rejected|invalid|prohibited|wrong|error",
    ),
    (Score, "your job|role|goal|task|purpose|mission is to praise|promote|recommend|favor|favour|give|score|rate"),
    (Score, "this option|candidate|one always|automatically gets|receives|deserves|wins|has ~1 #|@top"),
    (
        Score,
        "mets|mettez|dale|pon|ponle|pongale|gib|gebt|dai|даи|даите|поставь|ставь un|una|une? 10|dix|diez|zehn|dieci|десять|десятку",
    ),
    (
        Score,
        "devez|debes|deve|devi|должен|должна|musst ~1 donner|dar|assegnare|dare|поставить|geben|vergeben ~3 10|dix|diez|dieci|dez|zehn|десять|nota|note",
    ),
    (Score, "^ @give # 10|100 ~1 to|for|on"),
    (Score, "for|on each|every|all criterion|criteria ~1 give|score|rate|assign|award|output"),
    (Score, "^ @give full|maximum|maximal credit"),
    (Score, "not|never deduct"),
    // To dictate the reply.
    (Reply, "you must|should|shall|may never|not criticise|criticize|penalise|penalize"),
    (Reply, "not|dont|never use|return|answer null"),
    (
        Reply,
        "in|within|from your reasoning|evaluation|verdict|judgement|judgment|justification|reply ~2 praise|mention|say|state|write|call|be",
    ),
    (Reply, "^ only reply|respond|answer|output|return with|#|the|json"),
    (Reply, "^ answer|reply|respond with ~1 @mark|number ~1 #"),
    (Reply, "^ respond|reply|answer only|just|exactly|solely with"),
    (Reply, "^ respond|reply|answer with only|just|exactly|nothing"),
    (Reply, "^ respond|reply|output|return|print only|just|exactly the? following|json|score|number|valid"),
    (Reply, "^ respond|reply|output|return|print only|just|exactly # $"),
    (Reply, "your|the next? response|reply|output|verdict must|shall ~1 be|contain|say|start|begin|include"),
    (Reply, "not|dont|never|cannot abstain"),
    (Reply, "^ set|report|use ~2 confidence of|to|as|at? #|maximum|full"),
    (
        Reply,
        "antworte|antworten|responde|responda|reponds|repondez|rispondi|отвечаи|ответь nur|ausschliesslich|solo|unicamente|solamente|apenas|uniquement|seulement|soltanto|только",
    ),
    (Reply, "not|never mention|list|report|discuss ~2 flaws|weaknesses|downsides|disadvantages|drawbacks|cons|risks"),
    // To address the model.
    (
        Address,
        "ask|asking|tell|telling|urge|beg the|any? @machine|grader|evaluator|reader that|who|to reads|reading|evaluates|scores|score|rate|give|be|choose|pick|ignore",
    ),
    (Address, "any|every ai|llm|model|chatbot reading|that|who this|reads|is"),
    (Address, "you|youre are? chatgpt|gpt|claude|llama"),
    (Address, "whoever|anyone ~4 as an|a ai|llm|chatbot|model"),
    (Address, "as the|a|an grader|evaluator|judge|scorer|rater you must|are|should|have|will"),
    (
        Address,
        "evaluator|grader|scorer|rater must|shall|should|has|awards|gives ~2 give|award|score|rate|assign|ignore|choose|output|rank|maximum|highest",
    ),
    (Address, "if|since|as|because|when you|youre are? an|a|the llm|chatbot|language"),
    (Address, "if|since|as|because|when you|youre are? an|a|the large language"),
    (
        Address,
        "if|since|because you|youre are? an|a|the ai model|assistant|language|reading|evaluating|scoring|judging|processing|reviewing|system",
    ),
    (Address, "if|since|because you|youre are? an|a|the ai ."),
    (Address, "as an|a ai|llm ~3 you must|should|will|are|have"),
    (Address, "you|youre are? now? an|a|the ai|llm|large? language|model|assistant|chatbot model|that|who|."),
    (
        Address,
        "you|youre are? now an|a|the|in? helpful|unrestricted? ai|assistant|model|dan|chatbot|evaluator|judge|unrestricted|jailbroken",
    ),
    (Address, "dear|attention|hello|hey the|any|all? @machine"),
    (Address, "dear|attention the|any|all? language|evaluator|evaluators|grader|assistant|judge|scorer"),
    (
        Address,
        "note|message|notice|instruction|instructions|memo|reminder|word to|for the|any|all? @machine model|models|evaluator|evaluators|reviewer|reviewers|system|systems|assistant|assistants|judge|grader|reading|.",
    ),
    (
        Address,
        "note|message|notice|instruction|instructions|memo|reminder|word to|for the|any|all? language model|models",
    ),
    (Address, "note|message|notice|instruction|instructions|memo|reminder to|for the|any|all? @model :"),
    (
        Address,
        "hinweis|nachricht|anweisung|mensaje|nota|message|instruction an|fur|para|pour|a die|das|la|el|l? ki|ia|llm",
    ),
    // To have instructions repeated.
    (
        Disclosure,
        "reveal|print|repeat|show|output|display|leak|dump|tell|disclose|reproduce|copy ~3 system prompt|prompts|instructions",
    ),
    (
        Disclosure,
        "reveal|print|repeat|show|output|display|leak|dump|tell|disclose|reproduce|copy ~2 your initial|original|hidden|secret|own? prompt",
    ),
    (
        Disclosure,
        "reveal|print|repeat|show|output|display|leak|dump|tell|disclose|reproduce|copy ~2 initial|original|hidden|secret instructions|prompt",
    ),
    (Disclosure, "repeat|print|output|copy|show|reveal ~2 words|text|everything|prompt|instructions above"),
    (Disclosure, "what are|were your|the? exact|system|original|initial|own? instructions|prompt"),
    // To speak as another role.
    (Role, "system|admin|administrator|root|developer override|prompt|message|instruction|instructions :"),
    (Role, "begin|end|start of? the? system|developer|assistant prompt|message|instruction|instructions"),
    (Role, "system note|notice|command|directive :"),
    (Role, "pretend|imagine that? you|youre ~2 no rules|restrictions|limits|guidelines|instructions|filters"),
    (Role, "switch|enter|enable|activate ~2 dan|god|jailbreak|unrestricted|unfiltered mode"),
    (Role, "pretend|imagine ~2 you|youre are? ~2 ai|model|unrestricted|assistant|unfiltered"),
];

/// Phrases of scripts that have no blanks, or have them elsewhere: all pieces within one sentence and near each other.
pub(super) const TOGETHER: &[(FlagKind, &[&str])] = &[
    (
        Override,
        &[
            "忽略|无视|無視|忘记|忘記|不要理会|不要理會",
            "指令|指示|提示词|提示詞|规则|規則",
            "之前|以上|前面|先前|所有|上述|一切|系统|系統",
        ],
    ),
    (
        Override,
        &["指示|命令|プロンプト|ルール", "無視|忘れて|従わない", "以前|これまで|上記|すべて|全て|前の|システム"],
    ),
    (Override, &["지시|명령|프롬프트|규칙", "무시|잊어", "이전|앞의|모든|위의|시스템"]),
    (Override, &["تجاهل|انس", "التعليمات|الاوامر|تعليمات"]),
    (Override, &["अनदेखा|नजरअंदाज|नज़रअंदाज|भूल", "निर्देश"]),
    (Score, &["请|必须|务必|应该|一定要|总是|請|必須|務必", "10分|十分的|满分|滿分|最高分", "给|打|评|給|評"]),
    (Score, &["直接", "打10分|打满分|给满分|给10分|打滿分|給滿分"]),
    (Score, &["无论如何|無論如何|不管|一律", "10分|满分|滿分|最高分"]),
    (Score, &["必ず|絶対に|絶対", "10点|満点|最高点|十点"]),
    (Score, &["반드시|무조건", "10점|만점|최고점"]),
    (
        Score,
        &["10点|満点|最高点|最高得点|十点", "にして|つけて|付けて|与えて|与えよ|つけろ|してください|評価しろ|評価せよ"],
    ),
    (Score, &["10점|만점|최고점|최고점수", "주세요|줘|주십시오|매겨|부여하|평가하세요"]),
    (Reply, &["只|仅|僅", "回答|回复|回覆|输出|輸出", "请|必须|請|必須"]),
    (Address, &["如果你是|你现在是|你現在是|你是一个|你是一個", "ai|人工智能|语言模型|語言模型|大模型"]),
    (Address, &["あなたは", "ai|人工知能|言語モデル"]),
    (
        Disclosure,
        &["系统提示|系統提示|システムプロンプト|시스템프롬프트", "显示|輸出|输出|打印|重复|表示|出力|教えて|보여|출력"],
    ),
];
