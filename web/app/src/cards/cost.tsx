import type { Card, CostData, CostLine } from '../api/types'
import { day, list, money } from '../lib/format'
import { t } from '../messages'
import { Fold } from '../ui/bits'
import { Icon } from '../ui/icon'
import { Frame } from './frame'

export function CostCard({ card, data }: { card: Card; data: CostData }) {
  return (
    <Frame id={card.id} title={card.title || t('cost.title')} simulated={data.simulated}>
      <div>
        <p className="flex flex-wrap items-baseline gap-x-2">
          <span className="money display text-2xl">{money(data.monthly)}</span>
          <span className="text-muted">{t('cost.perMonth')}</span>
        </p>
        <p className="text-sm text-muted">
          <span className="money">{money(data.hourly, 4)}</span> {t('cost.perHour')}
          {data.before ? <> · {t('cost.now', { before: money(data.before) })}</> : null}
        </p>
      </div>
      <Lines lines={data.lines} total={money(data.monthly)} />
      {data.unknown && data.unknown.length > 0 ? (
        <p className="flex items-start gap-2 text-sm text-warn">
          <Icon name="warning" className="mt-0.5 size-4" />
          {t('cost.unknownNote', { items: list(data.unknown) })}
        </p>
      ) : null}
      <div className="flex flex-col gap-1 text-sm text-muted">
        <p dir="auto">{data.vatNote}</p>
        <p>{t('cost.asOf', { date: day(data.pricesAsOf) })}</p>
        {data.stale ? <p className="text-warn">{t('cost.stale')}</p> : null}
        {data.simulated ? <p>{t('cost.simulated')}</p> : null}
      </div>
      <p className="rounded-md bg-sunken p-3 text-sm">
        <span className="font-semibold">{t('cost.stops')}: </span>
        <span dir="auto">{data.stopsMeter}</span>
      </p>
      {data.assumptions.length > 0 ? (
        <div className="-mt-1 -mb-2">
          <Fold label={t('cost.assumptions')}>
            <ul className="flex list-disc flex-col gap-1 ps-5 text-sm text-muted">
              {data.assumptions.map((line) => (
                <li key={line} dir="auto">
                  {line}
                </li>
              ))}
            </ul>
          </Fold>
        </div>
      ) : null}
    </Frame>
  )
}

/** The lines as a table; on a narrow phone number and unit price join the label. */
export function Lines({ lines, total }: { lines: CostLine[]; total: string }) {
  return (
    <table className="w-full border-collapse text-sm">
      <thead>
        <tr className="text-muted">
          <th scope="col" className="py-1 pe-2 text-start font-normal">
            {t('cost.line')}
          </th>
          <th scope="col" className="hidden py-1 pe-4 text-end font-normal sm:table-cell">
            {t('cost.quantity')}
          </th>
          <th scope="col" className="hidden py-1 pe-4 text-end font-normal sm:table-cell">
            {t('cost.unit')}
          </th>
          <th scope="col" className="py-1 text-end font-normal">
            {t('cost.monthly')}
          </th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <tr key={line.label} className="border-t border-line align-baseline">
            <td className="py-2 pe-2">
              <span dir="auto">{line.label}</span>
              {line.quantity > 1 ? (
                <span className="money block text-xs text-muted sm:hidden">
                  {line.quantity} × {money(line.unitMonthly)}
                </span>
              ) : null}
            </td>
            <td className="money hidden py-2 pe-4 text-end sm:table-cell">{line.quantity}</td>
            <td className="money hidden py-2 pe-4 text-end text-muted sm:table-cell">{money(line.unitMonthly)}</td>
            <td className="money py-2 text-end">{money(line.monthly)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr className="border-t border-edge font-semibold">
          <th scope="row" className="py-2 pe-2 text-start">
            {t('cost.total')}
          </th>
          <td className="hidden sm:table-cell" />
          <td className="hidden sm:table-cell" />
          <td className="money py-2 text-end">{total}</td>
        </tr>
      </tfoot>
    </table>
  )
}
