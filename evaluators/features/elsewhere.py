"""The phrases of `phrases` in other big languages: German, French, Spanish, Portuguese, Italian, Russian, Chinese,
Japanese, Korean. Short lists of what is unmistakable; in lower case, searched where a text is not mostly English."""

from evaluators.features.phrases import words_of

REFUSALS = (
    "kann ich nicht helfen", "kann ich ihnen nicht", "kann ich dir nicht", "kann diese anfrage nicht", "ich kann keine",
    "ich kann nicht", "ich darf nicht",
    "je ne peux pas", "je ne peux vous", "je ne suis pas en mesure", "je refuse",
    "no puedo ayudar", "no puedo proporcionar", "no puedo cumplir", "no puedo asistir", "no puedo responder",
    "no puedo ofrecer", "no soy capaz de",
    "não posso ajudar", "não posso fornecer", "não posso atender", "não posso responder", "não consigo ajudar",
    "non posso aiutar", "non posso fornire", "non posso rispondere", "non sono in grado di",
    "я не могу", "не могу помочь", "не могу предоставить",
    "我无法", "我不能", "无法提供", "不能提供", "无法协助", "無法提供",
    "お手伝いできません", "お答えできません", "できかねます", "提供できません", "対応できません", "お応えできません",
    "도와드릴 수 없", "제공할 수 없", "답변할 수 없", "답변드릴 수 없",
)  # fmt: skip
APOLOGIES = (
    "tut mir leid", "entschuldig", "bedaure", "désolé", "je m'excuse", "toutes mes excuses", "lo siento", "disculp",
    "desculp", "sinto muito", "lamento", "mi dispiace", "mi scuso", "извини", "прошу прощения", "к сожалению",
    "抱歉", "对不起", "對不起", "申し訳", "すみません", "죄송",
)  # fmt: skip
SELF_DESCRIPTIONS = (
    "als ki-", "als ki ", "als künstliche intelligenz", "als sprachmodell", "en tant qu'ia", "en tant qu'intelligence",
    "en tant que modèle", "como modelo de lenguaje", "como una ia", "como ia ", "como ia,", "como inteligencia artif",
    "como modelo de linguagem", "como uma ia", "come modello", "come ia ", "come ia,", "come intelligenza",
    "как ии", "как искусственн", "языковая модель", "人工智能助手", "作为一个人工智能", "作为人工智能", "作为ai",
    "作为一个ai", "语言模型", "aiとして", "言語モデル", "ai로서", "언어 모델",
)  # fmt: skip
WARNINGS = (
    "wichtig zu beachten", "bitte beachte", "il est important", "veuillez noter", "es importante", "ten en cuenta",
    "tenga en cuenta", "é importante", "è importante", "важно", "обратите внимание", "请注意", "需要注意", "ご注意",
    "注意してください", "유의", "주의",
)  # fmt: skip
FILLER_OPENERS = (
    "natürlich", "gerne", "selbstverständlich", "klar", "hier ist", "hier sind", "bien sûr", "certainement", "voici",
    "avec plaisir", "claro", "por supuesto", "aquí tien", "aquí est", "com certeza", "aqui est", "certo", "ecco",
    "certamente", "конечно", "вот", "当然", "好的", "以下是", "当然可以", "もちろん", "はい、", "承知", "以下は",
    "물론", "네,",
)  # fmt: skip
CLOSING_OFFERS = (
    "lass mich wissen", "lassen sie mich wissen", "wenn sie weitere", "wenn du weitere", "falls sie", "falls du",
    "n'hésitez pas", "n'hésite pas", "faites-moi savoir", "si vous avez", "no dudes en", "no dude en", "avísame",
    "si necesitas", "si tienes", "fique à vontade", "se precisar", "se tiver", "fammi sapere", "non esitare", "se hai",
    "дайте знать", "если у вас", "если нужн", "обращайтесь", "如果您", "如果你", "请告诉我", "随时告诉我",
    "お知らせください", "お気軽に", "ご質問", "말씀해", "알려주세요",
)  # fmt: skip
PRAISE = (
    "gute frage", "tolle frage", "du hast recht", "sie haben recht", "excellente question", "bonne question",
    "vous avez raison", "buena pregunta", "excelente pregunta", "tienes razón", "ótima pergunta", "boa pergunta",
    "ottima domanda", "hai ragione", "отличный вопрос", "хороший вопрос", "вы правы", "好问题", "这是一个很好的问题",
    "您说得对", "你说得对", "良い質問", "素晴らしい", "좋은 질문",
)  # fmt: skip
SUMMARIES = (
    "zusammenfassend", "insgesamt", "abschließend", "en conclusion", "en résumé", "en resumen", "en conclusión",
    "em resumo", "em conclusão", "in conclusione", "in sintesi", "в заключение", "таким образом", "итак", "总之",
    "综上所述", "总的来说", "まとめ", "結論", "결론", "요약",
)  # fmt: skip
YES = words_of("ja oui sí sim sì да 是 是的 对 はい 네 예")
NO = words_of("nein non não нет 不 不是 いいえ 아니요")
HEDGES = words_of(
    "vielleicht möglicherweise wahrscheinlich vermutlich könnte könnten wohl etwa meist oft peut probablement pourrait "
    "pourraient semble souvent environ généralement quizás podría podrían probablemente posiblemente parece "
    "generalmente talvez poderia poderiam provavelmente possivelmente geralmente forse potrebbe potrebbero "
    "probabilmente sembra возможно вероятно может наверное обычно часто 약 아마"
)
HEDGE_PHRASES = ("可能", "也许", "或许", "大概", "通常", "かもしれ", "おそらく", "たぶん", "でしょう")
"""Where words are not written apart."""
FIRST_PERSON = words_of(
    "ich mir mich mein meine je j'ai moi mon yo mi me eu meu minha io mio я мне меня мы мой 我 私 저는 제가"
)
SECOND_PERSON = words_of(
    "du dir dich dein deine ihnen ihre vous votre vos tu tus usted su você seu sua tuo tua вы вам вас ваш ты 你 您 당신"
)
