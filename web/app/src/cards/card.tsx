import type {
  ApprovalData,
  Card,
  ChoiceData,
  CostData,
  FlowData,
  FormData,
  LinkData,
  NoticeData,
  PlanData,
  ProgressData,
  SecretData,
  ToolCallData,
} from '../api/types'
import { RichText } from '../lib/rich-text'
import { Boundary } from '../ui/boundary'
import { Icon, Spinner } from '../ui/icon'
import { ApprovalCard } from './approval'
import { ChoiceCard } from './choice'
import { CostCard } from './cost'
import { FlowCard } from './flow'
import { FormCard } from './form'
import { Frame } from './frame'
import { LinkCard } from './link'
import { NoticeCard } from './notice'
import { PlanCard } from './plan'
import { ProgressCard } from './progress'
import { SecretCard } from './secret'

/**
 * A card of any kind. A kind that this app does not know, and data that does
 * not fit its kind, are shown as the card's title and text, which are complete.
 */
export function CardView({ card }: { card: Card }) {
  return (
    <Boundary retryOn={card.seq} fallback={<PlainCard card={card} />}>
      <Kind card={card} />
    </Boundary>
  )
}

function Kind({ card }: { card: Card }) {
  if (card.kind === 'notice' || card.kind === 'error') {
    return <NoticeCard card={card} data={card.data as NoticeData | undefined} />
  }
  if (typeof card.data !== 'object' || card.data === null) return <PlainCard card={card} />
  switch (card.kind) {
    case 'choice':
      return <ChoiceCard card={card} data={card.data as ChoiceData} />
    case 'form':
      return <FormCard card={card} data={card.data as FormData} />
    case 'secret':
      return <SecretCard card={card} data={card.data as SecretData} />
    case 'plan':
      return <PlanCard card={card} data={card.data as PlanData} />
    case 'cost':
      return <CostCard card={card} data={card.data as CostData} />
    case 'approval':
      return <ApprovalCard card={card} data={card.data as ApprovalData} />
    case 'progress':
      return <ProgressCard card={card} data={card.data as ProgressData} />
    case 'flow':
      return <FlowCard card={card} data={card.data as FlowData} />
    case 'link':
      return <LinkCard card={card} data={card.data as LinkData} />
    case 'tool-call':
      return <ToolCall card={card} data={card.data as ToolCallData} />
    default:
      return <PlainCard card={card} />
  }
}

function PlainCard({ card }: { card: Card }) {
  const text = (
    <div dir="auto" className="flex flex-col gap-2">
      <RichText text={card.text} />
    </div>
  )
  if (!card.title) return <div data-card={card.id} className="rounded-lg border border-line bg-surface p-4">{text}</div>
  return (
    <Frame id={card.id} title={card.title}>
      {text}
    </Frame>
  )
}

/** One quiet line: what the agent does or did. */
function ToolCall({ card, data }: { card: Card; data: ToolCallData }) {
  return (
    <p data-card={card.id} className="flex items-center gap-2 text-sm text-muted">
      {data.state === 'running' ? (
        <Spinner />
      ) : (
        <Icon name={data.state === 'failed' ? 'warning' : 'check'} className="size-4" />
      )}
      <span dir="auto">{card.text}</span>
    </p>
  )
}
