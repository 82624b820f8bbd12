// One conversation of the mock: a log of stream messages, the design states by
// name, and a small script that answers what is said and pressed.
import * as story from './story.mjs'

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const greeting = 'Hello. Tell me what your Organization needs and where its people are. I prepare a plan with its price; **nothing is built until you approve it**.'
const founder = 'We are Al Noor Clinic in Muscat, 40 people. We need shared files, a team chat and patient forms.'

export function playback(id, speed) {
  const log = []
  const followers = new Set()
  let seq = 0
  let stage = 0
  let turns = 0
  let draft = { ...story.draft(0), id }
  let running = null

  const emit = (event, data, ephemeral = false) => {
    const message = ephemeral ? { event, data } : { event, data, id: ++seq }
    if (!ephemeral) log.push(message)
    for (const f of followers) f(message)
  }
  // An hour ago, so that the work which the story starts began after all talk.
  const at = () => new Date(Date.now() - 36e5).toISOString()
  const human = (turnId, text, press) => emit('turn', { seq: seq + 1, turnId, role: 'human', text, state: 'started', at: at(), ...(press ? { press } : {}) })
  const agent = (turnId, text, state = 'finished') => emit('turn', { seq: seq + 1, turnId, role: 'agent', text, state, at: at(), model: 'guide' })
  const card = (c, turnId) => emit('card', { seq: seq + 1, ...(turnId ? { turnId } : {}), card: { ...c, seq: seq + 1 } })
  const setDraft = (n) => {
    stage = n
    draft = { ...story.draft(n), id, seq: seq + 1 }
    emit('draft', draft)
  }
  const turn = (text, reply, cards = [], press) => {
    const turnId = `t${++turns}`
    human(turnId, text, press)
    for (const c of cards) card(c, turnId)
    agent(turnId, reply)
  }

  const begin = () => {
    agent('t0', greeting)
    emit('draft', draft)
  }
  const asked = () => {
    begin()
    setDraft(2)
    turn(founder, 'Thank you. I noted the clinic, its 40 people and Muscat.\n\n- The nearest region with stock is **Falkenstein**, under EU law.\n- Three apps cover what you named.', [story.cards.apps])
  }
  const answered = () => {
    asked()
    turn('', 'Good. Two details are still missing.', [story.cards.form], { cardId: 'q-apps', value: '["nextcloud","rocket-chat","formbricks"]' })
  }
  const planned = (approval = story.approval()) => {
    answered()
    setDraft(4)
    turn('', 'Which account should pay?', [story.cards.secret], { cardId: 'q-contact', value: '{"orgEmail":"founder@alnoor.example","sovereignSubdomain":"alnoor"}' })
    turn('', 'Here is the plan with its exact price. It is only built if you approve it.', [story.cards.plan, story.cards.cost, approval], { cardId: 'q-account', value: 'simulated' })
    setDraft(5)
  }
  const approved = () => {
    planned()
    turn('', 'Thank you. I start now; you can watch each step here.', [], { cardId: story.ids.approval, value: 'approve' })
    card(story.approval('approved'))
  }
  const states = {
    question: () => asked(),
    choice: () => (begin(), setDraft(1), turn(founder, 'Where should it run? I suggest the nearest region with stock.', [story.cards.region])),
    form: answered,
    secret: () => (answered(), setDraft(3), turn('', 'Which account should pay?', [story.cards.secret], { cardId: 'q-contact', value: '{"orgEmail":"founder@alnoor.example"}' })),
    pending: () => planned(),
    expired: () => planned(story.approval('expired')),
    declined: () => planned(story.approval('declined')),
    destructive: () => planned(story.approval('pending', { destructive: true, object: 'Replace 1 server of alnoor.omani.works' })),
    applying: () => (approved(), card(story.progress(1)), card(story.flow(0))),
    releases: () => (approved(), card(story.progress(3, 14)), card(story.flow(14))),
    failed: () => (approved(), card(story.progress(3, 18, 'failed')), card(story.flow(18, true))),
    ready: () => (approved(), card(story.progress(5, 38, 'ready')), card(story.flow(38)), card(story.ready)),
    notices: () => {
      begin()
      turn('My token is •••', 'I moved it to the vault.', story.notices)
      const turnId = `t${++turns}`
      human(turnId, 'And the largest size?')
      agent(turnId, 'The largest size that can be', 'cancelled')
    },
    violations: () => (begin(), (draft = { ...story.badDraft(), id, seq: seq + 1 }), emit('draft', draft)),
    thinking: () => (begin(), human(`t${++turns}`, founder)),
    arabic: () => (begin(), setDraft(1), turn('نحن عيادة النور في مسقط، عددنا 40 شخصًا ونحتاج ملفات ومحادثة.', 'شكرًا لكم. سجلت اسم العيادة وعدد العاملين. أقترح alnoor.omani.works بسعر €106.95 شهريًا.', [story.cards.region])),
    empty: () => undefined,
  }
  ;(states[id] ?? begin)()

  async function reply(turnId, text, cards) {
    running = turnId
    await wait(350 / speed)
    for (const piece of text.match(/\S+\s*/g) ?? []) {
      if (running !== turnId) return
      emit('delta', { turnId, text: piece }, true)
      await wait(35 / speed)
    }
    for (const c of cards) card(c, turnId)
    agent(turnId, text)
    running = null
  }

  async function build() {
    await wait(600 / speed)
    card(story.approval('approved'))
    for (let step = 0; step < 3; step++) card(story.progress(step)), await wait(1500 / speed)
    for (let done = 1; done <= story.releases.length; done += 2) {
      card(story.progress(done < 35 ? 3 : 4, done))
      card(story.flow(done))
      await wait(500 / speed)
    }
    card(story.progress(5, 38, 'ready'))
    card(story.flow(38))
    card(story.ready)
  }

  const script = [
    () => (setDraft(2), ['Thank you. I noted the clinic and its 40 people. The nearest region with stock is **Falkenstein**. Which apps should be ready on the first day?', [story.cards.apps]]),
    () => ['Good. Two details are still missing.', [story.cards.form]],
    () => (setDraft(3), ['Which account should pay?', [story.cards.secret]]),
    () => (setDraft(5), ['Here is the plan with its exact price. It is only built if you approve it.', [story.cards.plan, story.cards.cost, story.approval()]]),
    () => (void build(), ['Thank you. I start now; you can watch each step here.', []]),
    () => ['I am here if you need anything else.', []],
  ]
  let next = 0

  return {
    draft: () => draft,
    refuse: false,
    change(changes) {
      for (const { field, value, source } of changes) {
        if (field.startsWith('regions[0].')) draft.spec.regions[0][field.slice(11)] = value
        else draft.spec[field] = value
        draft.fields[field] = { source: source ?? 'said', at: at() }
      }
      draft = { ...draft, seq: seq + 1 }
      emit('draft', draft)
      return draft
    },
    turn({ text, press }) {
      const turnId = `t${++turns}`
      human(turnId, text ?? '', press)
      const step = script[Math.min(next++, script.length - 1)]
      const [words, cards] = step()
      void reply(turnId, words, cards)
      return turnId
    },
    cancel() {
      if (!running) return
      const turnId = running
      running = null
      agent(turnId, 'I was about to', 'cancelled')
    },
    follow(after, send) {
      for (const m of log) if (m.id > after) send(m)
      followers.add(send)
      return () => followers.delete(send)
    },
  }
}
