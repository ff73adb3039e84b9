/** Date values of a report (a day, month, year, week, quarter, part of a day), said and ordered. */

const VALUE = /^(\d{4})(?:-W(\d\d)|-Q(\d)|-(\d\d)(?:-(\d\d)(?:T(.+))?)?)?$/;
const PARTS = ["MO", "AF", "EV", "NI"]; // of a day, in its order; TIMEX3 writes T and one of them

/** A value in words; one that is not understood stays as it is. `t` gives the interface's words. */
export function said(value, t) {
  const match = VALUE.exec(value);
  if (!match) return value;
  const [, year, week, quarter, month, day, part] = match;
  if (week) return t("week", { week: Number(week), year });
  if (quarter) return t("quarter", { quarter, year });
  if (!month) return year;
  const fields = {
    year: "numeric",
    month: "long",
    ...(day && { day: "numeric", weekday: "long" }),
  };
  const format = new Intl.DateTimeFormat(t("locale"), { ...fields, timeZone: "UTC" });
  const date = format.format(new Date(`${year}-${month}-${day ?? "01"}T00:00Z`));
  if (!part) return date;
  return `${date}${t("comma")}${PARTS.includes(part) ? t(`part ${part}`) : part}`;
}

/** A string by which values sort in the order of their beginnings. */
export function order(value) {
  const match = VALUE.exec(value);
  if (!match) return `~${value}`; // after all dates
  const [, year, week, quarter, month, day, part] = match;
  if (week) return monday(year, week);
  const first = quarter ? String(3 * quarter - 2).padStart(2, "0") : (month ?? "");
  const hour = PARTS.includes(part)
    ? ["06:00", "12:00", "18:00", "21:00"][PARTS.indexOf(part)]
    : part;
  return [year, first, day, hour].filter(Boolean).join("-");
}

/** The first day of an ISO week; 4 January is always in the first. */
function monday(year, week) {
  const date = new Date(Date.UTC(year, 0, 7 * week - 3));
  date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  return date.toISOString().slice(0, 10);
}
