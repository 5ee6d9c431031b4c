import { PRODUCT } from '../../base/product.ts'
import type { Role } from '../../services/access.ts'
import { assetPath } from './assets.ts'
import { Html, html, NOTHING } from './html.ts'
import { LANGUAGES } from './strings/languages.ts'
import type { Strings } from './strings/strings.ts'
import { type Banner, isAllowed, type Visit } from './visit.ts'

interface Page {
  readonly title: string
  readonly body: Html
  /** Seconds after which a browser without script asks again, for work that is under way. */
  readonly refreshS?: number
  /** A narrow page with one form and no navigation: login and setup. */
  readonly isAlone?: boolean
}

interface Link {
  readonly path: string
  readonly name: keyof Strings['shell'] & string
  readonly role: Role
}

const GROUPS: readonly { readonly name: keyof Strings['shell']['groups']; readonly links: readonly Link[] }[] = [
  {
    name: 'watch',
    links: [
      { path: '/', name: 'status', role: 'viewer' },
      { path: '/queue', name: 'queue', role: 'viewer' },
      { path: '/logs', name: 'logs', role: 'viewer' },
    ],
  },
  {
    name: 'serve',
    links: [
      { path: '/users', name: 'users', role: 'viewer' },
      { path: '/history', name: 'history', role: 'operator' },
    ],
  },
  {
    name: 'set',
    links: [
      { path: '/delivery', name: 'delivery', role: 'operator' },
      { path: '/network', name: 'network', role: 'operator' },
      { path: '/certificates', name: 'certificates', role: 'operator' },
      { path: '/time', name: 'time', role: 'operator' },
    ],
  },
  {
    name: 'keep',
    links: [
      { path: '/backup', name: 'backup', role: 'admin' },
      { path: '/support', name: 'support', role: 'operator' },
      { path: '/about', name: 'about', role: 'viewer' },
    ],
  },
]

/** What the page of that path is called; undefined where this visitor may not open it. */
export function titleOf({ who, strings }: Visit, path: string): string | undefined {
  const link = GROUPS.flatMap(({ links }) => links).find(each => each.path === path)
  return link && who && isAllowed(who.role, link.role) ? (strings.shell[link.name] as string) : undefined
}

/** A whole document. */
export function page(visit: Visit, { title, body, refreshS, isAlone = false }: Page): Html {
  const { strings, language, domain } = visit
  return html`${DOCTYPE}<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · ${domain} · ${PRODUCT}</title>
${refreshS !== undefined && html`<noscript><meta http-equiv="refresh" content="${refreshS}"></noscript>`}
<link rel="icon" href="${assetPath('icon.svg')}" type="image/svg+xml">
<link rel="stylesheet" href="${assetPath('style.css')}">
<script src="${assetPath('page.js')}" defer></script>
</head>
<body${isAlone && ALONE}>
<a class="skip" href="#content">${strings.shell.skip}</a>
${top(visit, isAlone)}
<div class="frame">
${!isAlone && navigation(visit)}
<main id="content" tabindex="-1">
${visit.banners.map(banner)}
${visit.told && html`<p class="told ${visit.told.kind}" role="${visit.told.kind === 'done' ? 'status' : 'alert'}">${visit.told.text}</p>`}
<h1>${title}</h1>
${body}
</main>
</div>
</body>
</html>
`
}

const DOCTYPE = new Html('<!doctype html>\n')
const ALONE = new Html(' class="alone"')

function top(visit: Visit, isAlone: boolean): Html {
  const { strings, who, domain } = visit
  return html`<header class="top">
<a class="brand" href="/"><svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><path d="M4 8h24v17H4z"/><path d="m4 9 12 9 12-9"/></svg><span>${PRODUCT}</span> <span class="domain">${domain}</span></a>
<div class="tools">
${languages(visit)}
${
  who &&
  !isAlone &&
  html`<a class="who" href="/account" aria-label="${strings.shell.signedInAs(who.name, strings.shell.roles[who.role])}">${who.name}<span class="role">&nbsp;(${strings.shell.roles[who.role]})</span></a>
<form method="post" action="/logout"><input type="hidden" name="csrf" value="${visit.csrf}"><button class="plain">${strings.shell.signOut}</button></form>`
}
</div>
</header>`
}

/** A link for each language that is not shown, in that language. */
const languages = ({ language, path }: Visit): Html =>
  html`<nav class="languages" aria-label="Language">${Object.entries(LANGUAGES)
    .filter(([code]) => code !== language)
    .map(
      ([code, { name }]) =>
        html`<a href="/language?to=${code}&amp;back=${encodeURIComponent(path)}" lang="${code}" hreflang="${code}">${name}</a>`,
    )}</nav>`

function navigation(visit: Visit): Html {
  const { strings, who, path } = visit
  if (!who) return NOTHING
  const isHere = (link: Link): boolean =>
    link.path === '/' ? path === '/' : path === link.path || path.startsWith(`${link.path}/`)
  const lists = GROUPS.map(({ name, links }) => {
    const open = links.filter(({ role }) => isAllowed(who.role, role))
    return (
      open.length > 0 &&
      html`<li><span class="group">${strings.shell.groups[name]}</span><ul>${open.map(
        link =>
          html`<li><a href="${link.path}"${isHere(link) && CURRENT}>${strings.shell[link.name] as string}</a></li>`,
      )}</ul></li>`
    )
  })
  return html`<nav class="pages" aria-label="${strings.shell.navigation}"><details class="menu" open><summary>${strings.shell.menu}</summary><ul class="groups">${lists}</ul></details></nav>`
}

const CURRENT = new Html(' aria-current="page"')

const banner = ({ kind, text, link, untilS }: Banner): Html =>
  html`<p class="banner ${kind}" role="${kind === 'alarm' ? 'alert' : 'status'}">${text}${untilS !== undefined && html` <span class="countdown" data-until-s="${untilS}">${untilS} s</span>`}${link && html` <a href="${link.href}">${link.text}</a>`}</p>`
