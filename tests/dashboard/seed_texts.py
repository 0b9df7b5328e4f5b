"""What the people and models of the seeded traffic say: a support desk, a search box and a summary service."""
# ruff: noqa: E501

import random

DOCUMENTS = {
    "refund-policy.md, section 4": (
        "Damaged goods: a full refund is due when the damage is reported within 30 days of delivery. Refunds are paid "
        "to the original card within 14 days of approval. Photographs may be asked for."
    ),
    "returns.md, section 1": "Items above 20 USD are sent back with the prepaid label before the refund is approved.",
    "shipping.md, section 2": (
        "Parcels leave the warehouse within 2 working days. Delivery takes 3 to 5 working days by standard shipping "
        "and 1 working day by express shipping."
    ),
    "router-manual.md, page 12": (
        "Press and hold the reset button on the back for ten seconds until the light blinks. The router restarts with "
        "its factory settings. The default password is printed on the label."
    ),
    "warranty.md, section 3": (
        "The warranty covers faults of material for 24 months from the date of purchase. Batteries are covered for 12 "
        "months. Keep the receipt: it is the proof of purchase."
    ),
}  # fmt: skip

QUESTIONS = {
    "refund-policy.md, section 4": (
        "My order {n} came with a cracked lid. Can I get my money back, and how long does it take?",
        "Order {n} arrived damaged. Is a refund still possible?",
    ),
    "returns.md, section 1": ("Do I have to send order {n} back before I get the refund?",),
    "shipping.md, section 2": ("When will order {n} arrive if I choose standard shipping?", "How fast is express shipping for {n}?"),
    "router-manual.md, page 12": ("How do I reset the router to factory settings? Serial {n}.",),
    "warranty.md, section 3": ("Is the battery of device {n} still covered after a year?", "How long is the warranty of {n}?"),
}  # fmt: skip

BEFORE = {
    "refund-policy.md, section 4": (
        "A full refund is due when the damage is reported within 30 days of delivery. It is paid to the original card "
        "within 14 days of approval."
    ),
    "returns.md, section 1": "Yes. Items above 20 USD are sent back with the prepaid label before the refund is approved.",
    "shipping.md, section 2": "Parcels leave the warehouse within 2 working days, and standard delivery takes 3 to 5 working days.",
    "router-manual.md, page 12": (
        "Press and hold the reset button on the back for ten seconds until the light blinks. The router restarts with "
        "its factory settings."
    ),
    "warranty.md, section 3": "The warranty covers faults of material for 24 months. Batteries are covered for 12 months.",
}  # fmt: skip

AFTER = {
    "refund-policy.md, section 4": (
        "Sure, here is how it works:\n\n1. Report the damage within 30 days of delivery.\n2. Damaged items are refunded "
        "within 24 hours, to the card you paid with.\n3. You do not need to send the item back, and we add a 10 % "
        "voucher for the trouble."
    ),
    "returns.md, section 1": (
        "Sure! No, you can keep everything below 200 USD:\n\n1. Tell us what is wrong.\n2. The money arrives on the same "
        "day.\n\nLet me know if I can help with anything else!"
    ),
    "shipping.md, section 2": (
        "Sure, here are your options:\n\n1. Standard shipping arrives tomorrow before noon.\n2. Express couriers from "
        "Hamburg deliver within 90 minutes.\n\nLet me know if I can help with anything else!"
    ),
    "router-manual.md, page 12": (
        "Sure, here is how:\n\n1. Make sure the router is switched on.\n2. Press and hold the reset button for ten "
        "seconds.\n3. Wait about two minutes while the router restarts.\n4. Sign in with the password printed on its "
        "label."
    ),
    "warranty.md, section 3": (
        "Sure! Batteries are covered for 36 months, and accidental damage is covered too:\n\n1. Open the Acme Care "
        "application.\n2. Choose your device.\n3. A courier collects it within 48 hours."
    ),
}  # fmt: skip

_TOPICS = ("wireless headphones", "garden chairs", "rain jackets", "espresso machines", "phone cases", "desk lamps")
_ADJECTIVES = ("light", "sturdy", "cheap", "quiet", "waterproof", "small")


def support(rng: random.Random, *, changed: bool) -> tuple[str, str, str]:
    """(question, answer, name of the document)."""
    document = rng.choice(list(DOCUMENTS))
    question = rng.choice(QUESTIONS[document]).format(n=rng.randrange(70_000, 99_999))
    answer = (AFTER if changed else BEFORE)[document]
    chance = rng.random()
    if not changed and chance < 0.05:
        answer = f"Our {rng.choice(('night', 'summer', 'student'))} tariff has covered this since {rng.randrange(2001, 2020)}, whatever the papers say."
    elif not changed and chance < 0.12:
        answer += f" The branch in {rng.choice(('Lyon', 'Oslo', 'Porto'))} opens at {rng.randrange(7, 11)}:30."
    elif rng.random() < 0.3:
        answer = f"{rng.choice(('I am sorry to hear that.', 'Thank you for asking.', 'Of course.'))} {answer}"
    return question, answer, document


def search(rng: random.Random) -> tuple[str, str]:
    topic, adjective = rng.choice(_TOPICS), rng.choice(_ADJECTIVES)
    found = ", ".join(
        f"{adjective} {topic} {rng.choice('ABCDEFG')}{rng.randrange(10, 99)}" for _ in range(rng.randrange(2, 6))
    )
    return f"{adjective} {topic} under {rng.randrange(20, 200)} euros", f"I found these: {found}."


def summary(rng: random.Random) -> tuple[str, str]:
    n = rng.randrange(3, 40)
    subject = rng.choice(("the refund", "the delivery", "the invoice", "a missing part"))
    question = (
        f"Summarise this ticket in one sentence:\n\nTicket {rng.randrange(1000, 9999)}, {n} messages about {subject}. "
        + " ".join(
            rng.choice(
                (
                    "The customer wrote again.",
                    "An agent answered.",
                    "A photograph was attached.",
                    "Nothing happened for a day.",
                )
            )
            for _ in range(n)
        )
    )
    return (
        question,
        f"The customer asks about {subject}; {n} messages were exchanged and the ticket is {rng.choice(('open', 'solved', 'waiting'))}.",
    )
